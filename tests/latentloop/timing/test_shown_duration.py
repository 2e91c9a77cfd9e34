"""Seconds in words: what was measured to the second, what is estimated without false digits."""

from __future__ import annotations

import pytest

from latentloop.timing.shown_duration import say_about, say_duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (3_600, "1 h"), (7_384, "2 h 3 min")],
)
def test_what_was_measured(seconds: float, said: str) -> None:
    assert say_duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "about 5 s"), (12, "about 10 s"), (33, "about 30 s"), (58, "about 1 min"), (100, "about 2 min"),
     (3_590, "about 1 h"), (9_000, "about 2 h 30 min")],
)  # fmt: skip
def test_what_is_estimated(seconds: float, said: str) -> None:
    assert say_about(seconds) == said
