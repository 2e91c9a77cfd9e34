"""A command that waits says what for, how long so far and how long still; what is over at once says nothing."""

from __future__ import annotations

from pathlib import Path

from latentloop.timing.telling_time import read_durations
from latentloop.timing.timed_wait import TimedWait


def _wait(home: Path, looks: dict[float, str], ends_at: float) -> list[str]:
    """What is said by a wait that looks at these seconds and is over at `ends_at`."""
    said, now = list[str](), [100.0]
    wait = TimedWait("down", home, said.append, at_most_s=60.0, then="what is left is killed", clock=lambda: now[0])
    for at, waits_for in looks.items():
        now[0] = 100.0 + at
        wait.look(waits_for)
    now[0] = 100.0 + ends_at
    wait.ended()
    return said


def test_it_says_what_it_waits_for_how_long_so_far_and_how_long_at_most(tmp_path: Path) -> None:
    looks = {1.0: "two to end", 2.0: "two to end", 4.0: "two to end", 5.0: "one to end", 12.0: "one to end"}
    unknown = "how long it takes here is not known yet"
    assert _wait(tmp_path, looks, ends_at=20.0) == [
        f"down: 2 s so far, {unknown}; waiting for two to end, what is left is killed in about 1 min",
        f"down: 5 s so far, {unknown}; waiting for one to end, what is left is killed in about 1 min",
        f"down: 12 s so far, {unknown}; waiting for one to end, what is left is killed in about 50 s",
    ]
    assert read_durations(tmp_path).seconds == {"down": 20.0}
    assert _wait(tmp_path, {10.0: "one to end"}, ends_at=11.0) == [
        "down: 10 s so far, about 10 s left if it is as last time; waiting for one to end, "
        "what is left is killed in about 50 s",
    ]


def test_what_is_over_at_once_says_nothing_and_is_not_remembered(tmp_path: Path) -> None:
    assert _wait(tmp_path, {0.0: "all to end", 1.9: "all to end"}, ends_at=1.9) == []
    assert read_durations(tmp_path).seconds == {}


def test_it_is_over_when_it_has_taken_as_long_as_it_may(tmp_path: Path) -> None:
    now = [0.0]
    wait = TimedWait("cancel", tmp_path, print, at_most_s=3.0, then="given up", clock=lambda: now[0])
    assert not wait.over
    now[0] = 3.0
    assert wait.over
