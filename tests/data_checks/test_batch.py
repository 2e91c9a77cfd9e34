from collections import Counter

import numpy as np
import pytest

from data_checks.batch import judge_batch, judge_refused_shares
from data_checks.input_gate import judge_image_bytes
from data_checks.policy import InputPolicy
from data_checks.refusal import Refusal
from data_checks.verdict import Phase
from tests.data_checks.pictures import encode, product
from vae_core.preprocessing import Preprocessing

GREY, POLICY = Preprocessing(), InputPolicy()
BLACK = encode(np.zeros((28, 28), np.uint8))


def test_each_image_of_a_segment_gets_the_answer_that_serving_would_give() -> None:
    files = [encode(product(seed)) for seed in range(100)]
    files[3], files[50], files[99] = BLACK, files[50][:-9], b""
    batch = judge_batch([(f"{i}.png", "line-1", data) for i, data in enumerate(files)], GREY, POLICY)
    assert [result.refusal for result in batch.results] == [
        judge_image_bytes(data, GREY, POLICY).refusal for data in files
    ]
    assert Counter(result.refusal for result in batch.results) == {
        None: 97, Refusal.low_variance: 1, Refusal.truncated: 1, Refusal.empty_file: 1,
    }  # fmt: skip
    assert batch.verdict.phase is Phase.inconclusive
    assert len(batch.verdict.evidence) == 3


def test_a_source_whose_camera_went_black_holds_the_batch_and_says_by_how_much() -> None:
    files = [BLACK if i % 10 == 0 else encode(product(i)) for i in range(300)]
    verdict = judge_batch([("name", "source", data) for data in files], GREY, POLICY).verdict
    assert verdict.failed
    assert "refused_low_variance 0.1 [" in verdict.reason and "> limit 0.01 (n=300)" in verdict.reason


@pytest.mark.parametrize(
    ("refused", "received", "phase", "words"),
    [
        ({}, 0, Phase.no_data, "0 images received"),
        ({}, 50, Phase.inconclusive, "refused 0 [0, 0.129] <= limit 0.01 (n=50): too few to judge"),
        ({}, 1000, Phase.passed, "refused 0 [0, 0.006884] <= limit 0.01 (n=1000)"),
        ({Refusal.truncated: 0}, 1000, Phase.passed, "refused 0 "),
        ({Refusal.duplicate: 99}, 99, Phase.inconclusive, "at least 100 needed"),
        ({Refusal.truncated: 12}, 1000, Phase.inconclusive, "refused_truncated 0.012"),
        (
            {Refusal.truncated: 180, Refusal.low_variance: 180},
            36_000,
            Phase.passed,
            "refused_truncated 0.005 [",
        ),
        ({Refusal.truncated: 1, Refusal.leakage: 40}, 1000, Phase.failed, "refused_leakage 0.04 ["),
    ],
)
def test_refused_shares_give_phase_and_message(
    refused: dict[Refusal, int], received: int, phase: Phase, words: str
) -> None:
    verdict = judge_refused_shares(refused, received, POLICY)
    assert verdict.phase is phase
    assert words in verdict.reason


def test_many_small_reasons_do_not_hold_a_batch_that_no_single_one_would() -> None:
    few = dict.fromkeys([Refusal.truncated, Refusal.wrong_mode, Refusal.wrong_shape, Refusal.low_variance], 50)
    assert judge_refused_shares(few, 10_000, POLICY).passed
    assert judge_refused_shares({Refusal.truncated: 200}, 10_000, POLICY).failed
