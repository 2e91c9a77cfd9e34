"""Stages of an evaluation add up to the whole of it."""

import pytest

from vae_core.evaluation.progress import EvaluationProgress, ProgressCounter


def test_each_stage_begins_where_the_one_before_ends_and_says_so_at_once() -> None:
    heard: list[EvaluationProgress] = []
    counter = ProgressCounter(400, heard.append)
    first = counter.stage("real images", 100)
    first(60)
    second = counter.stage("samples", 300)  # whether the first one was told to its end or not
    second(150)
    second(300)
    told = [(each.stage, each.done, each.images, each.share_done) for each in heard]
    assert told == [
        ("real images", 0, 100, 0.0),
        ("real images", 60, 100, 0.15),
        ("samples", 0, 300, 0.25),
        ("samples", 150, 300, 0.625),
        ("samples", 300, 300, 1.0),
    ]


def test_where_nobody_listens_the_stages_are_silent() -> None:
    ProgressCounter(10, None).stage("samples", 10)(5)


@pytest.mark.parametrize(
    ("done", "words"),
    [(0, "samples"), (1, "samples: 1 of 5,000"), (2_500, "samples: 2,500 of 5,000"), (5_000, "samples")],
)
def test_a_stage_says_how_many_images_are_done_only_in_between(done: int, words: str) -> None:
    assert EvaluationProgress("samples", done, 5_000, 0.5).describe() == words
