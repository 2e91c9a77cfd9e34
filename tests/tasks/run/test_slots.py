"""Slots that start late, as they do after an outage: one of them does the work of all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deploy.stores.sql.ledger import State, Trigger
from tasks.claim import claim_trigger, finish_trigger
from tasks.run.slots import find_cover, name_slot, read_slot
from tests.tasks.opened import opened
from tests.tasks.slot_runs import due, kill, start

pytestmark = pytest.mark.usefixtures("configure")


def test_the_name_of_a_slot_says_when_it_was_due() -> None:
    slot = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
    assert name_slot("retrain-full", slot) == "schedule-retrain-full-2026-03-01T0300"
    assert read_slot(name_slot("retrain-full", slot)) == slot
    for key in ("by-hand-full-catalogue-3-abc-1", "drift-full-version-7", "schedule-full", ""):
        assert read_slot(key) is None


@pytest.mark.parametrize("done", [False, True])
def test_of_late_slots_that_start_one_after_the_other_the_first_does_the_work(done: bool) -> None:
    first = start("monitor", due(3))
    if done:
        finish_trigger.fn(opened(), first, "none")
    second, third = start("monitor", due(2)), start("monitor", due(1))

    assert first.outcome == "new"
    for late in (second, third):
        assert late.duplicate
        assert late.told == f"{late.key} starts late: {first.key} has begun since and does its work"
        trigger = opened().ledger.get_trigger(late.key)
        assert trigger is not None and (trigger.state, trigger.result) == ("done", f"skipped: {late.told}")


def test_a_late_slot_does_the_work_when_the_first_one_died() -> None:
    first = start("monitor", due(4))
    assert start("monitor", due(3)).duplicate
    kill(first)
    assert start("monitor", due(2)).outcome == "new", "nor does one that was skipped cover it"


def test_a_slot_that_is_due_after_the_last_one_began_does_its_own_work() -> None:
    finish_trigger.fn(opened(), start("monitor", due(1)), "none")
    assert start("monitor", opened().now() + timedelta(minutes=1)).outcome == "new"


NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)


def trigger(slot: datetime, claimed_at: datetime, result: str | None = None) -> Trigger:
    """A slot of the monitor that is in work since then, or that was done with this result."""
    key = name_slot("monitor", slot)
    state: State = "running" if result is None else "done"
    return Trigger(key, "monitor", "", state, "me", 1, claimed_at, NOW + timedelta(minutes=1), None, result)


@pytest.mark.parametrize("days_since", [10, 0.5])
def test_one_that_has_not_yet_said_that_it_leaves_its_work_to_another_covers_nobody(days_since: float) -> None:
    # the older slot is covered by the one that began ten days ago, or today, and is about to say so
    began = trigger(NOW - timedelta(days=days_since), NOW - timedelta(days=days_since), "none")
    older = trigger(NOW - timedelta(days=31), NOW - timedelta(seconds=2))
    newer = name_slot("monitor", NOW - timedelta(days=1))
    cover = find_cover(newer, NOW - timedelta(seconds=1), [older, began], NOW)
    assert cover == (began.key if days_since < 1 else None), "whoever left it to the older one would leave it undone"


def test_slots_of_another_schedule_and_runs_by_hand_cover_nothing() -> None:
    finish_trigger.fn(opened(), start("ingest", due(3)), "none")
    finish_trigger.fn(opened(), claim_trigger.fn(opened(), "by-hand-monitor-1", "monitor", "by hand"), "none")
    assert start("monitor", due(2)).outcome == "new"
