"""One drift makes one retraining, and a retraining that died is asked for again."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx
import pytest

from data_checks.drift.policy import DriftPolicy
from deploy.controller.drift import act_on_drift
from deploy.controller.neighbours import Neighbours
from deploy.controller.retraining import RETRIES, retrainings_asked_again, revive_retrainings
from deploy.record.drift_lines import DRIFT_EVENT, DriftEvent
from deploy.stores import faults
from deploy.stores.errors import StoreUnavailable
from deploy.stores.sql.ledger import CANCELLED_BY_HAND
from tests.deploy.controller.test_drift import ONE, TWO, find, now, promote
from tests.deploy.controller.world import Traffic, champion_of, swap

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


def test_a_second_line_while_the_first_waits_for_its_images_is_closed(alone: Neighbours) -> None:
    promote(alone)
    first = find(alone, "emergency", needed_images=50)
    find(alone, "full")
    assert act(alone) == [f"nothing: already under way for version 2: {first} waits"]


@pytest.mark.parametrize("state", ["not claimed", "in work", "died"])
def test_a_retraining_that_was_asked_for_answers_the_next_line(alone: Neighbours, state: str) -> None:
    promote(alone)
    key = asked(alone, now() - timedelta(hours=1))
    if state != "not claimed":
        claim(alone, key, now() - timedelta(seconds=2 * LEASE_S if state == "died" else 0))
    find(alone, "emergency")
    words = "is in work" if state == "in work" else "was asked for"
    assert act(alone) == [f"nothing: already under way for version 2: {key} {words}"]
    assert len(alone.ledger.entries("drift-event")) == 1


@pytest.mark.server
@pytest.mark.parametrize("state", ["not claimed", "died", "failed", "of another champion"])
def test_what_came_to_nothing_is_in_nobodys_way_after_the_cooldown(with_prefect: Neighbours, state: str) -> None:
    world = promote(with_prefect)
    key = asked(world, now() - timedelta(hours=7), "1" if state == "of another champion" else "2")
    if state == "died":
        claim(world, key, now() - timedelta(hours=7))
    if state == "failed":
        end(world, key, "failed")
    find(world, "emergency")
    (did,) = act(world)
    assert did.startswith("event latentloop.drift.emergency was emitted")


def test_while_the_registry_is_away_a_line_waits_for_what_a_person_has_in_hand(alone: Neighbours) -> None:
    promote(alone)
    end(alone, asked(alone), "done")
    find(alone, "emergency")
    assert act(alone) == alone.ledger.entries("drift-acted") == []


def revive(world: Neighbours, after_s: float, retry_s: float = RETRY_S) -> list[str]:
    return revive_retrainings(world, retry_s, now() + timedelta(seconds=after_s))


def runs(api: httpx.Client) -> list[dict[str, Any]]:
    found = api.post("/flow_runs/filter", json={"deployments": {"name": {"any_": ["retrain-emergency"]}}})
    return sorted((dict(each) for each in found.json()), key=lambda each: each["idempotency_key"])


@pytest.mark.server
@pytest.mark.parametrize("claimed", [False, True])
def test_a_retraining_that_died_is_asked_for_again_a_few_times(
    with_prefect: Neighbours, api: httpx.Client, claimed: bool
) -> None:
    swap(with_prefect.releases, champion=TWO)
    key = asked(with_prefect)
    if claimed:
        claim(with_prefect, key)
        assert revive(with_prefect, LEASE_S / 2, retry_s=1.0) == [], "it lives"
    assert revive(with_prefect, RETRY_S - 1) == [], "too early"
    for attempt in range(1, RETRIES.most + 1):
        assert revive(with_prefect, attempt * (RETRY_S + 1)) == [key]
        assert revive(with_prefect, attempt * (RETRY_S + 1) + RETRY_S / 2) == []
    assert revive(with_prefect, 100 * RETRY_S) == []

    found = runs(api)
    assert [each["idempotency_key"] for each in found] == [f"{key}:retry:{n + 1}" for n in range(RETRIES.most)]
    assert found[0]["parameters"] == {"key": key, "reason": "a new kind", "cause": "drift", "snapshot": "a-snapshot"}
    lines = with_prefect.ledger.entries("drift-retry", key)
    assert [json.loads(each.body)["attempt"] for each in lines] == [5, 4, 3, 2, 1]
    (again,) = retrainings_asked_again(with_prefect.ledger, champion_of(with_prefect))
    assert (again.trigger, again.times, again.most, again.last_at) == (key, 5, 5, lines[0].at)
    end(with_prefect, key, "done")
    assert retrainings_asked_again(with_prefect.ledger, champion_of(with_prefect)) == []


@pytest.mark.server
def test_a_retraining_that_a_person_cancelled_is_not_asked_for_again_and_one_that_was_ended_is(
    with_prefect: Neighbours,
) -> None:
    swap(with_prefect.releases, champion=TWO)
    cancelled, ended = asked(with_prefect), asked(with_prefect)
    for key, reason in ((cancelled, CANCELLED_BY_HAND), (ended, "told to end")):
        claim(with_prefect, key)
        with_prefect.ledger.release_claim(key, "a-run", now(), reason)

    assert revive(with_prefect, RETRY_S + 1) == [ended]


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_a_retraining_that_ended_is_not_asked_for_again(alone: Neighbours, outcome: Literal["done", "failed"]) -> None:
    swap(alone.releases, champion=TWO)
    end(alone, asked(alone), outcome)
    assert revive(alone, 10 * RETRY_S) == []


def test_a_retraining_for_a_champion_that_was_replaced_is_not_asked_for_again(alone: Neighbours) -> None:
    asked(alone)
    assert revive(alone, 10 * RETRY_S) == [], "no champion"
    swap(alone.releases, champion=ONE)
    assert revive(alone, 10 * RETRY_S) == []


def test_a_run_that_cannot_be_asked_for_again_now_is_asked_for_at_the_next_look(alone: Neighbours) -> None:
    swap(alone.releases, champion=TWO)
    asked(alone)
    assert revive(alone, RETRY_S - 1) == []
    with pytest.raises(StoreUnavailable, match="Prefect"):
        revive(alone, RETRY_S + 1)
    assert alone.ledger.entries("drift-retry") == [], "and is asked for at the next look"


@pytest.mark.server
@pytest.mark.parametrize("point", ["orchestrator.create_run", "ledger.record"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_on_the_way_asks_with_the_same_name(
    with_prefect: Neighbours, api: httpx.Client, point: str, moment: faults.Moment
) -> None:
    swap(with_prefect.releases, champion=TWO)
    key = asked(with_prefect)

    def kill(name: str, when: faults.Moment) -> None:
        if (name, when) == (point, moment):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), faults.installed(kill):
        revive(with_prefect, RETRY_S + 1)
    revive(with_prefect, RETRY_S + 2)

    assert [each["idempotency_key"] for each in runs(api)] == [f"{key}:retry:1"]
    assert len(with_prefect.ledger.entries("drift-retry", key)) == 1


def test_images_that_came_do_not_help_a_line_that_is_answered_already(alone: Neighbours) -> None:
    promote(alone)
    find(alone, "emergency", needed_images=5)
    Traffic(alone.telemetry).answer("2", 100)
    key = asked(alone, datetime.now(UTC))
    assert act(alone) == [f"nothing: already under way for version 2: {key} was asked for"]
