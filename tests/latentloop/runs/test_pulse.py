"""When a run that claims to be running is given up: by the signs of life in the ledger, on a clock moved by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deploy.stores.orchestrator import RunState, StateType
from deploy.stores.sql.ledger import Trigger
from latentloop.runs.pulse import PATIENCE, Pulse

LEASE_S = 20.0
AT = datetime(2026, 3, 1, tzinfo=UTC)


def _trigger(renewals: int, attempt: int = 1) -> Trigger:
    until = AT + timedelta(seconds=LEASE_S + renewals * LEASE_S / 4)
    return Trigger("k", "retrain-full", "", "running", "host:1:a", attempt, AT, until, None, None)


def _is(type: StateType) -> RunState:
    return RunState(type, type.capitalize(), "")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_run_that_renews_its_lease_is_never_given_up() -> None:
    clock = Clock()
    pulse = Pulse(LEASE_S, clock)
    for renewals in range(10_000):
        clock.now += LEASE_S / 4
        assert not pulse.stopped(_is("RUNNING"), _trigger(renewals))


@pytest.mark.parametrize("trigger", [None, _trigger(3)])
def test_a_run_without_a_sign_of_life_is_given_up_after_three_leases_and_not_before(trigger: Trigger | None) -> None:
    clock = Clock()
    pulse = Pulse(LEASE_S, clock)
    assert not pulse.stopped(_is("RUNNING"), trigger)
    clock.now = PATIENCE * LEASE_S
    assert not pulse.stopped(_is("RUNNING"), trigger)
    clock.now += 0.1
    assert pulse.stopped(_is("RUNNING"), trigger)


def test_a_run_that_somebody_takes_over_lives() -> None:
    clock = Clock()
    pulse = Pulse(LEASE_S, clock)
    pulse.stopped(_is("RUNNING"), _trigger(3))
    clock.now = PATIENCE * LEASE_S + 1
    assert not pulse.stopped(_is("RUNNING"), _trigger(3, attempt=2))


@pytest.mark.parametrize("type", ["SCHEDULED", "PENDING"])
def test_a_run_that_has_not_begun_has_nobody_who_could_give_a_sign(type: StateType) -> None:
    clock = Clock()
    pulse = Pulse(LEASE_S, clock)
    pulse.stopped(_is(type), None)
    clock.now = 100 * LEASE_S
    assert not pulse.stopped(_is(type), None)
    clock.now += PATIENCE * LEASE_S
    assert not pulse.stopped(_is("RUNNING"), None), "its time begins when it runs"
