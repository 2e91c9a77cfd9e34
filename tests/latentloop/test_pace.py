"""Work that takes longer than two seconds says how far it is, on a clock of its own."""

from __future__ import annotations

import pytest

from latentloop.pace import Pace, show_duration


def test_nothing_is_said_of_quick_work_and_then_a_line_every_few_seconds() -> None:
    said: list[str] = []
    clock = iter(float(second) for second in range(100))
    pace = Pace("packing", "files", said.append, 4_000, lambda: next(clock))  # begins at second 0

    for done in range(100, 1_300, 100):  # a hundred each second
        pace.at(done)

    assert said == [
        "packing: 200 of 4,000 files, 2 s elapsed, about 38 s left",
        "packing: 700 of 4,000 files, 7 s elapsed, about 33 s left",
        "packing: 1,200 of 4,000 files, 12 s elapsed, about 28 s left",
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
    clock = iter((0.0, 9.0))
    Pace("x", "files", said.append, total, lambda: next(clock)).at(done)

    assert said == [line]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (130, "2 min 10 s"), (3_900, "1 h 5 min")]
)
def test_durations_are_for_a_person(seconds: float, shown: str) -> None:
    assert show_duration(seconds) == shown
