"""Retrainings that were asked for: the events on record, their triggers as the ledger has them, and their runs."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, Literal

import httpx

from data_checks.drift.policy import DriftPolicy
from deploy.controller.drift import act_on_drift
from deploy.controller.neighbours import Neighbours
from deploy.controller.retraining import revive_retrainings
from deploy.record.drift_lines import DRIFT_EVENT, DriftEvent
from tests.deploy.controller.test_drift import now

POLICY = DriftPolicy()
RETRY_S = 600.0
LEASE_S = 60.0


def act(world: Neighbours, at: datetime | None = None) -> list[str]:
    return act_on_drift(world, POLICY, 1.0, at or now())


def asked(world: Neighbours, at: datetime | None = None, champion: str = "2") -> str:
    """Leave an event on record as `act_on_drift` does; returns the trigger's key."""
    key = f"drift-emergency-{uuid.uuid4().hex}"
    event = DriftEvent(
        event="latentloop.drift.emergency", event_id="an-id", key=key, snapshot="a-snapshot", reason="a new kind"
    )
    DRIFT_EVENT.write(world.ledger, champion, event, at or now(), key=f"drift-event:{key}")
    return key


def claim(world: Neighbours, key: str, at: datetime | None = None) -> None:
    world.ledger.claim(key, "retrain-emergency", "", "a-run", at or now(), LEASE_S)


def end(world: Neighbours, key: str, outcome: Literal["done", "failed"]) -> None:
    claim(world, key)
    world.ledger.finish(key, "a-run", outcome, "3", now())


def revive(world: Neighbours, after_s: float, retry_s: float = RETRY_S) -> list[str]:
    return revive_retrainings(world, retry_s, now() + timedelta(seconds=after_s))


def runs(api: httpx.Client) -> list[dict[str, Any]]:
    found = api.post("/flow_runs/filter", json={"deployments": {"name": {"any_": ["retrain-emergency"]}}})
    return sorted((dict(each) for each in found.json()), key=lambda each: each["idempotency_key"])
