"""What `prefect.yaml` deploys, on the installation's own Prefect server: pools, triggers, and what they start."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from data_checks.drift.actions import RETRAINS
from latentloop.orchestration.deployments import declared_deployments
from tests.e2e.conftest import Loop

pytestmark = pytest.mark.server


def test_everything_that_prefect_yaml_deploys_is_registered_in_its_pool(loop: Loop) -> None:
    expected = sorted((each.name, each.work_pool) for each in declared_deployments())

    with loop.open_orchestrator() as orchestrator:
        there = orchestrator.deployments()

    assert sorted((each.name.split("/")[1], each.work_pool) for each in there) == expected
    assert not any(each.paused for each in there)


def test_each_retraining_action_has_one_trigger(loop: Loop) -> None:
    found = loop.ask_prefect("POST", "/automations/filter", {})

    expected = sorted(event for each in found if each["enabled"] for event in each["trigger"]["expect"])
    assert expected == [f"latentloop.drift.{action}" for action in ("emergency", "full", "incremental")]


def test_each_retraining_event_starts_one_run_of_its_tier_which_is_refused_without_its_stored_snapshot(
    loop: Loop,
) -> None:
    deployments = {f"retrain-{action}/retrain-{action}": _emit(loop, action) for action in RETRAINS}
    expected = {
        name: {"key": key, "reason": f"why {key}", "cause": "drift", "snapshot": f"snapshot-{key}"}
        for name, key in deployments.items()
    }

    with loop.open_orchestrator() as orchestrator:
        names = {each.id: each.name for each in orchestrator.deployments()}
        begun = _await_runs(loop, set(deployments.values()))
        # the event's snapshot was never stored, and there a worker's run ends: by then a second run would have come
        ends = [orchestrator.wait(each["id"], timeout_s=600, poll_s=0.2) for each in begun]
        runs = _runs(loop, set(deployments.values()))

    assert len(runs) == len(RETRAINS)
    assert {names[each["deployment_id"]]: each["parameters"] for each in runs} == expected
    for run, end in zip(begun, ends, strict=True):
        assert end.type == "FAILED"
        assert f"snapshots/{run['parameters']['snapshot']}/snapshot.json" in end.message


def _emit(loop: Loop, action: str) -> str:
    """The event as the controller emits it; returns its key."""
    key = f"fired-{action}"
    payload = {"key": key, "snapshot": f"snapshot-{key}", "url": "", "failed": ["latent_code"], "reason": f"why {key}"}
    with loop.open_orchestrator() as orchestrator:
        orchestrator.emit_event(
            f"latentloop.drift.{action}",
            resource="latentloop.version.1",
            payload=payload,
            event_id=uuid4(),
            occurred=datetime.now(UTC),
        )
    return key


def _await_runs(loop: Loop, keys: set[str]) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 400
    while True:
        found = _runs(loop, keys)
        if {each["parameters"]["key"] for each in found} == keys:
            return found
        assert time.monotonic() < deadline, f"expected a run for each of {sorted(keys)} within 400 s, came {found}"
        time.sleep(0.2)


def _runs(loop: Loop, keys: set[str]) -> list[dict[str, Any]]:
    """All flow runs that were given one of these keys, whatever their deployment."""
    found = loop.ask_prefect("POST", "/flow_runs/filter", {"limit": 200})
    return [each for each in found if each["parameters"].get("key") in keys]
