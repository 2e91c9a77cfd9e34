"""A burst of refused images is a fault of its sender, tested as a rate and whatever else came."""

from __future__ import annotations

import pytest

from data_checks.drift.judge import judge_window
from data_checks.drift.window import Window
from data_checks.verdict import Phase
from tests.data_checks.drift.healthy import POLICY, REFERENCE, healthy
from tests.data_checks.drift.traffic import window_of


def test_a_reason_is_judged_even_where_every_image_was_refused() -> None:
    verdict = judge_window(Window(healthy(0), {"low_variance": 150}, 150), None, POLICY).verdicts[
        "refused_low_variance"
    ]
    assert verdict.phase is Phase.failed
    assert "> limit 0.01 share (n=150), the limit is `drift.max_refused_share`, p " in verdict.reason
    few = judge_window(Window(healthy(0), {"low_variance": 99}, 99), None, POLICY).verdicts["refused_low_variance"]
    assert few.phase is Phase.inconclusive
    assert few.reason == "refused_low_variance: cannot judge: 99 of 99 images, at least 100 needed"


@pytest.mark.parametrize(
    ("count", "phase"), [(2, Phase.passed), (22, Phase.inconclusive), (62, Phase.failed)]
)  # fmt: skip
def test_the_refused_share_of_a_reason_is_tested_as_a_rate(count: int, phase: Phase) -> None:
    judgement = judge_window(window_of(healthy(), low_variance=count, truncated=1), REFERENCE, POLICY)
    assert judgement.verdicts["refused_low_variance"].phase is phase
    assert judgement.verdicts["refused_truncated"].phase is Phase.passed
