"""The simulated gate counts what it says: a model that is worse by little is refused more often at a margin of none."""

from __future__ import annotations

import pytest

from benchmarks.kernel_gate import count_refused, high95


def test_a_margin_that_nothing_exceeds_refuses_nobody_and_one_below_all_refuses_everybody() -> None:
    never, always = ({each.name: each.value for each in count_refused(50, 5, margin)} for margin in (1e9, -1e9))
    assert (never["refused_equal_n50"], never["refused_worse_n50"]) == (0, 0)
    assert (always["refused_equal_n50"], always["refused_worse_n50"]) == (5, 5)


def test_no_hit_of_200_leaves_a_share_of_one_and_a_half_percent() -> None:
    assert high95(0, 200) == pytest.approx(1 - 0.05 ** (1 / 200))
    assert high95(200, 200) == 1.0
