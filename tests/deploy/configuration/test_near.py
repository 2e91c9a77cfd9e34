"""The names that somebody may have meant."""

from __future__ import annotations

import pytest

from deploy.configuration.near import ask, find_near

KNOWN = (
    "product", "preprocessing", "preprocessing.height", "input_policy.min_variance", "training", "training.threads",
    "serving", "serving.threads", "training.full.seed", "evaluation.seed",
)  # fmt: skip


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("prodcut", ("product",)),
        ("training.treads", ("training.threads",)),
        ("training_threads", ("training.threads",)),
        ("min_variance", ("input_policy.min_variance",)),
        ("input-policy.min-variance", ("input_policy.min_variance",)),
        ("preprocess", ("preprocessing",)),
        ("seed", ("evaluation.seed", "training.full.seed")),
        ("threads", ("serving.threads", "training.threads")),
        ("colour", ()),
        ("", ()),
    ],
)
def test_the_likest_names_are_found_also_in_other_tables(word: str, near: tuple[str, ...]) -> None:
    assert find_near(word, KNOWN) == near


def test_a_question_is_asked_only_where_something_is_near() -> None:
    assert ask(("a", "b")) == "; did you mean a or b?"
    assert ask(()) == ""
