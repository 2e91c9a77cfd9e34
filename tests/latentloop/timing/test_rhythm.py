"""When a line is due: news at once, the same ever more seldom."""

from __future__ import annotations

from latentloop.timing.rhythm import Rhythm


def lines(news: list[str]) -> list[int]:
    """Seconds at which a line is due, when each second shows one of `news`."""
    now = [0.0]
    rhythm = Rhythm(lambda: now[0])
    due = []
    for second, what in enumerate(news):
        now[0] = float(second)
        if rhythm.is_due(what):
            due.append(second)
    return due


def test_the_same_is_said_ever_more_seldom_and_at_least_every_minute() -> None:
    due = lines(["training"] * 600)
    gaps = [after - before for before, after in zip(due, due[1:], strict=False)]
    assert due[0] == 0 and gaps[0] == 5
    assert gaps == sorted(gaps) and gaps[-1] == 60
    assert len(due) < 20, "ten minutes are no hundred lines"


def test_what_is_new_is_said_at_once_and_begins_anew() -> None:
    assert lines(["scheduled"] * 3 + ["running"] * 8) == [0, 3, 8]
