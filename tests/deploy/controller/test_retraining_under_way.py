"""A version that a retraining for drift made answers that drift as long as it is not decided about."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from deploy.controller.retraining import find_under_way
from deploy.record.drift_lines import DRIFT, DRIFT_EVENT, DriftEvent
from deploy.stores.mlflow.registry import APPROVED, TRIGGER_TAG
from tests.deploy.controller.neighbourhood import MARKS, World

pytestmark = MARKS


def test_a_version_in_a_persons_hand_or_on_trial_answers_the_drift_that_it_was_made_for(world: World) -> None:
    ledger, registry, key, now = world.neighbours.ledger, world.registry, uuid.uuid4().hex, datetime.now(UTC)
    event = DriftEvent(event="latentloop.drift.full", event_id="an-id", key=key, snapshot="a-snapshot", reason="moved")
    DRIFT_EVENT.write(ledger, "season", event, now)
    ledger.claim(key, "retrain-full", "", "a-run", now, 60.0)
    ledger.finish(key, "a-run", "done", "", now)
    version, _ = world.register()
    registry.set_tag(version, TRIGGER_TAG, key)
    ledger.record("drift", "season", "{}", now, key=f"drift:{key}")
    (line,) = DRIFT.lines(ledger, "season")

    def under_way() -> str | None:
        return find_under_way(world.neighbours, line, "another", 0.0, now)

    assert under_way() == f"version {version} awaits approval"
    registry.set_tag(version, "approval", APPROVED)
    for delivery in ("shadow", "canary"):
        registry.set_tag(version, "delivery", delivery)
        assert under_way() == f"version {version} is approved and not settled"
    registry.set_tag(version, "delivery", "rolled_back")
    assert under_way() is None
    registry.set_tag(version, "approval", "rejected")
    registry.set_tag(version, "delivery", "")
    assert under_way() is None
