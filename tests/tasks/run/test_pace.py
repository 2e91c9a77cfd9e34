"""How long a step still takes, from its share and the speed that was measured."""

from __future__ import annotations

import pytest

from tasks.run.pace import Pace


def test_a_steady_step_is_told_exactly_what_is_left() -> None:
    pace = Pace()
    told = [pace.left_s("training", share / 100, now=3.0 * share) for share in (0, 10, 50, 100)]
    assert told == [None, pytest.approx(270.0), pytest.approx(150.0), pytest.approx(0.0)]


def test_nobody_guesses_from_the_first_moments() -> None:
    pace = Pace()
    assert pace.left_s("training", 0.0, now=0.0) is None
    assert pace.left_s("training", 0.005, now=60.0) is None, "half a percent is no speed"
    assert pace.left_s("training", 0.5, now=1_000.0) is not None
    assert pace.left_s("evaluating", 0.5, now=1_001.0) is None, "another step has another speed"


def test_a_step_that_was_resumed_is_measured_from_where_it_went_on() -> None:
    pace = Pace()
    pace.left_s("training", 0.6, now=100.0)
    assert pace.left_s("training", 0.7, now=110.0) == pytest.approx(30.0)
    assert pace.left_s("training", 0.1, now=120.0) is None, "it was begun anew"
    assert pace.left_s("training", 0.2, now=130.0) == pytest.approx(80.0)
