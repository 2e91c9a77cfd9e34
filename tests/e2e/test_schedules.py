"""The schedules of `prefect.yaml` as the installation's own Prefect server fires them, and slots that it fires late."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from deploy.stores.orchestrator import RunState
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import open_database, open_registry
from latentloop.orchestration.deployments import declaration
from tasks.run.slots import name_slot
from tests.e2e.conftest import Loop

pytestmark = pytest.mark.server
DECLARED = {each["name"]: each for each in yaml.safe_load(declaration().read_text())["deployments"]}
SCHEDULED = sorted(name for name, each in DECLARED.items() if each.get("schedules"))


def _deployment(loop: Loop, name: str) -> dict[str, Any]:
    found: dict[str, Any] = loop.ask_prefect("GET", f"/deployments/name/{name}/{name}")
    return found


def _runs(loop: Loop, deployment: str, **state: Any) -> list[dict[str, Any]]:
    """Runs that the server's scheduler made, by their slot."""
    wanted = {"deployments": {"id": {"any_": [deployment]}}, "limit": 200, "sort": "EXPECTED_START_TIME_ASC"}
    found = loop.ask_prefect("POST", "/flow_runs/filter", {**wanted, **state})
    return [each for each in found if each["auto_scheduled"]]


def _slot(run: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(run["expected_start_time"].replace("Z", "+00:00")).astimezone(UTC)


def test_ingest_and_monitor_and_both_regular_tiers_have_a_schedule() -> None:
    assert SCHEDULED == ["ingest", "monitor", "retrain-full", "retrain-incremental"]


@pytest.mark.parametrize("name", SCHEDULED)
def test_the_server_plans_the_declared_slots_with_the_declared_parameters(loop: Loop, name: str) -> None:
    (schedule,) = DECLARED[name]["schedules"]
    planned: list[dict[str, Any]] = []
    deadline, waits = time.monotonic() + 120, {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    while len(planned) < 3:
        assert time.monotonic() < deadline, f"expected three slots of {name}, came {planned}"
        planned = _runs(loop, _deployment(loop, name)["id"], **waits)
        time.sleep(0.5)

    slots = [_slot(each) for each in planned]
    if "interval" in schedule:
        assert {b - a for a, b in zip(slots, slots[1:], strict=False)} == {timedelta(seconds=schedule["interval"])}
    else:
        minute, hour, day, _, weekday = schedule["cron"].split()
        assert {(each.hour, each.minute, each.second) for each in slots} == {(int(hour), int(minute), 0)}
        assert day == "*" or {each.day for each in slots} == {int(day)}
        assert weekday == "*" or {each.isoweekday() for each in slots} == {int(weekday)}
    for each in planned:
        assert each["parameters"] == DECLARED[name]["parameters"]


@pytest.fixture(scope="module")
def fired(loop: Loop, served: str) -> dict[str, tuple[dict[str, Any], RunState]]:
    """Each schedule's one slot that was due while the test waited, and how its run ended.

    Nobody waits for the first of a month here: each schedule on the server is moved, so that its next slot is in a few
    seconds and the one after it tomorrow. Server, scheduler and workers are those of the installation.
    """
    moved = {name: _move(loop, name, datetime.now(UTC) + timedelta(seconds=40)) for name in SCHEDULED}
    ends = {}
    try:
        for name, due in moved.items():
            run = _await_run(loop, _deployment(loop, name)["id"], due)
            with loop.open_orchestrator() as orchestrator:
                ends[name] = (run, orchestrator.wait(run["id"], timeout_s=240, poll_s=0.5))
    finally:
        for name in SCHEDULED:
            (schedule,) = DECLARED[name]["schedules"]
            _put_schedule(loop, name, {key: value for key, value in schedule.items() if key != "active"})
    return ends


def _move(loop: Loop, name: str, due: datetime) -> datetime:
    _put_schedule(loop, name, {"interval": 86_400, "anchor_date": due.isoformat(), "timezone": "UTC"})
    return due


def _put_schedule(loop: Loop, name: str, schedule: dict[str, Any]) -> None:
    deployment = _deployment(loop, name)
    (there,) = deployment["schedules"]
    path = f"/deployments/{deployment['id']}/schedules/{there['id']}"
    loop.ask_prefect("PATCH", path, {"active": True, "schedule": schedule})
    # the server's scheduler looks every five seconds at deployments that were touched, and every minute at the others
    loop.ask_prefect("PATCH", f"/deployments/{deployment['id']}", {"description": DECLARED[name]["description"]})


def _await_run(loop: Loop, deployment: str, due: datetime) -> dict[str, Any]:
    deadline = time.monotonic() + 180
    while True:
        for each in _runs(loop, deployment):
            if abs(_slot(each) - due) < timedelta(seconds=1):
                return each
        assert time.monotonic() < deadline, f"expected a run for the slot of {due:%H:%M:%S}"
        time.sleep(0.5)


@pytest.mark.parametrize("name", SCHEDULED)
def test_a_slot_that_is_due_starts_one_run_which_does_its_work(
    loop: Loop, fired: dict[str, tuple[dict[str, Any], RunState]], name: str
) -> None:
    run, state = fired[name]
    assert (state.type, state.name) == ("COMPLETED", "Completed"), state
    same = [each for each in _runs(loop, run["deployment_id"]) if _slot(each) == _slot(run)]
    assert [each["id"] for each in same] == [run["id"]]
    key = name_slot(name, _slot(run))
    trigger = Ledger(open_database(loop.settings)).get_trigger(key)
    assert trigger is not None
    assert (trigger.kind, trigger.state, trigger.attempt) == (name, "done", 1), trigger
    if name.startswith("retrain"):
        made = {each.tags["latentloop.trigger"]: each.version for each in open_registry(loop.settings).versions()}
        assert made[key] == trigger.result


@pytest.mark.parametrize("name", ["retrain-full", "monitor"])
def test_late_slots_leave_their_work_to_the_one_that_has_begun_since(
    loop: Loop, fired: dict[str, tuple[dict[str, Any], RunState]], name: str
) -> None:
    versions = len(open_registry(loop.settings).versions())

    ends = _fire(loop, name, [datetime.now(UTC) - timedelta(days=days) for days in (31, 1)])

    assert [(each.type, each.name) for each in ends] == [("COMPLETED", "Duplicate")] * 2, ends
    began = name_slot(name, _slot(fired[name][0]))
    assert all(f"starts late: {began} has begun since and does its work" in each.message for each in ends), ends
    assert len(open_registry(loop.settings).versions()) == versions


def test_a_slot_with_the_same_catalogue_as_the_last_one_trains_nothing_and_the_status_says_so(
    loop: Loop, fired: dict[str, tuple[dict[str, Any], RunState]]
) -> None:
    versions = len(open_registry(loop.settings).versions())
    last = name_slot("retrain-full", _slot(fired["retrain-full"][0]))
    trigger = Ledger(open_database(loop.settings)).get_trigger(last)
    assert trigger is not None

    # a slot that was due after that one began; keys are to the minute
    (end,) = _fire(loop, "retrain-full", [trigger.claimed_at + timedelta(minutes=1)])

    assert (end.type, end.name) == ("COMPLETED", "NothingNew"), end
    assert f"nothing new: {last} made version {trigger.result} of catalogue version " in end.message
    assert len(open_registry(loop.settings).versions()) == versions
    assert "nothing new" in loop.run("status")


def _fire(loop: Loop, name: str, slots: list[datetime]) -> list[RunState]:
    """Slots that were due while nobody worked, as the scheduler leaves them after an outage; how their runs ended."""
    deployment, pool = _deployment(loop, name)["id"], DECLARED[name]["work_pool"]["name"]
    loop.ask_prefect("PATCH", f"/work_pools/{pool}", {"is_paused": True})
    runs = []
    for due in slots:
        state = {"type": "SCHEDULED", "name": "Scheduled", "state_details": {"scheduled_time": due.isoformat()}}
        runs.append(loop.ask_prefect("POST", f"/deployments/{deployment}/create_flow_run", {"state": state})["id"])
    loop.ask_prefect("PATCH", f"/work_pools/{pool}", {"is_paused": False})
    with loop.open_orchestrator() as orchestrator:
        return [orchestrator.wait(each, timeout_s=240, poll_s=0.5) for each in runs]
