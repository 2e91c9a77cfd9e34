"""Where a part stands and since when, and what is said of its deaths."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from latentloop.supervisor.judging import Phase
from latentloop.supervisor.record import Record
from latentloop.supervisor.restarts import RestartPolicy

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = RestartPolicy()


@pytest.fixture
def record() -> Record:
    return Record("service", since=LONG_AGO)


def test_staying_in_a_phase_keeps_its_time_and_takes_the_newer_reason(record: Record) -> None:
    record.enter(Phase.waiting, "another reason")
    assert (record.since, record.reason) == (LONG_AGO, "another reason")

    record.enter(Phase.starting)
    assert record.since > LONG_AGO
    assert (record.phase, record.reason) == (Phase.starting, "")


def test_who_answers_again_has_been_up_since_it_first_did(record: Record) -> None:
    record.welcome(10.0)
    record.enter(Phase.silent, "no answer")
    record.welcome(70.0)

    assert (record.phase, record.up_at) == (Phase.up, 10.0)


def test_a_death_is_said_with_the_pause_and_the_next_start_is_after_it(record: Record) -> None:
    record.welcome(10.0)

    said = record.bury("ended with exit code 1", 100.0, POLICY)

    assert said == "service ended with exit code 1; starting it again in 1 s"
    assert (record.phase, record.reason) == (Phase.waiting, "ended with exit code 1")
    assert (record.start_at, record.up_at) == (101.0, None)


def test_one_that_never_came_up_is_left_down_after_three_deaths_in_a_row(record: Record) -> None:
    said = [record.bury("ended with exit code 3", at, POLICY) for at in (10.0, 20.0, 30.0)]

    assert [line.partition(";")[2] for line in said[:2]] == [" starting it again in 1 s", " starting it again in 2 s"]
    assert said[2] == ("service ended with exit code 3, 3 times in a row: it is left down, and tried again every 600 s")
    assert (record.phase, record.start_at) == (Phase.left_down, 630.0)
    assert record.reason == "ended with exit code 3, 3 times in a row; tried again every 600 s"


def test_others_see_the_phase_its_time_and_the_process(record: Record) -> None:
    record.enter(Phase.waiting, "its pause lasts")

    seen = record.report(pid=7)

    assert (seen.name, seen.phase, seen.since, seen.reason, seen.pid) == (
        "service", Phase.waiting, LONG_AGO, "its pause lasts", 7,
    )  # fmt: skip
