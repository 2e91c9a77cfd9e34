"""Work that takes longer than two seconds says how far it is, on a clock of its own."""

from __future__ import annotations

import pytest

from latentloop.timing.pace import Pace, show_duration


def test_nothing_is_said_of_quick_work_and_then_ever_more_seldom() -> None:
    said: list[str] = []
    second = 0.0
    pace = Pace("packing", "files", said.append, 4_000, lambda: second)

    for second in map(float, range(1, 28)):
        pace.at(int(100 * second))

    assert said == [
        "packing: 200 of 4,000 files, 2 s elapsed, about 38 s left",
        "packing: 700 of 4,000 files, 7 s elapsed, about 33 s left",
        "packing: 1,500 of 4,000 files, 15 s elapsed, about 25 s left",
        "packing: 2,700 of 4,000 files, 27 s elapsed, about 13 s left",
    ]


@pytest.mark.parametrize(
    ("total", "done", "line"),
    [
        (None, 7, "x: 7 files, 9 s elapsed"),
        (None, None, "x: 9 s elapsed"),
        (9, 0, "x: 0 of 9 files, 9 s elapsed"),
        (3, 4, "x: 4 of 3 files, 9 s elapsed"),
    ],
    ids=["no end is known", "nothing is known", "nothing is done", "more came than was known"],
)
def test_what_is_left_is_said_where_it_can_be_told(total: int | None, done: int | None, line: str) -> None:
    said: list[str] = []
    second = 0.0
    pace = Pace("x", "files", said.append, total, lambda: second)
    second = 9.0
    pace.at(done)

    assert said == [line]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (130, "2 min 10 s"), (3_900, "1 h 5 min")]
)
def test_durations_are_for_a_person(seconds: float, shown: str) -> None:
    assert show_duration(seconds) == shown
