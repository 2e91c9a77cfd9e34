"""Each line of the monitor is acted on once: the event of a retraining, a rollback, a note."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from data_checks.drift.policy import DriftPolicy
from deploy.controller.drift import act_on_drift, waiting_for_images
from deploy.controller.neighbours import Neighbours
from deploy.release import ServedVersion
from deploy.stores import faults
from deploy.stores.errors import StoreUnavailable
from tests.deploy.controller.world import Traffic, swap
from tests.deploy.serving.house import wait_until

pytestmark = pytest.mark.server
POLICY = DriftPolicy()
ONE, TWO = (ServedVersion(version=name, digest=f"d{name}", artifact=f"artifacts/d{name}") for name in "12")


def now() -> datetime:
    return datetime.now(UTC)


def act(world: Neighbours, at: datetime | None = None) -> list[str]:
    return act_on_drift(world, POLICY, 1.0, at or now())


def find(world: Neighbours, action: str, champion: str = "2", at: datetime | None = None, **facts: Any) -> str:
    """Leave a line as the monitor flow does; returns the key that a retraining must claim."""
    at = at or now()
    key = f"drift-{action}-{uuid.uuid4().hex}"
    body = {
        "schema_version": 1,
        "key": key,
        "champion": champion,
        "action": action,
        "reason": f"because of {action}",
        "also": [],
        "snapshot": "a-snapshot",
        "url": "http://report",
        "failed": ["latent_code"],
        "new_share": 0.2,
        "new_share_low": 0.1,
        "needed_images": 0,
        "window_since": now().isoformat(),
        "at": at.isoformat(),
        **facts,
    }
    world.ledger.record("drift", champion, json.dumps(body), at, key=f"drift:{key}")
    return key


def promote(world: Neighbours) -> Neighbours:
    """Promote version 2 a moment ago."""
    swap(world.releases, champion=ONE)
    swap(world.releases, champion=TWO, previous=ONE)
    return world


@pytest.fixture
def serving(with_prefect: Neighbours) -> Neighbours:
    return promote(with_prefect)


@pytest.fixture
def serving_alone(alone: Neighbours) -> Neighbours:
    return promote(alone)


@pytest.fixture
def events(api: httpx.Client) -> Iterator[Any]:
    """Read the events that the server keeps of one key."""

    def read(key: str) -> list[dict[str, Any]]:
        body = {"filter": {"event": {"prefix": ["latentloop.drift"]}}}
        found = api.post("/events/filter", json=body).json()["events"]
        return [each for each in found if each["payload"]["key"] == key]

    yield read


@pytest.mark.parametrize("action", ["incremental", "full", "emergency"])
def test_a_retraining_that_needs_no_more_images_is_asked_for_at_once_and_once(
    serving: Neighbours, events: Any, action: str
) -> None:
    key = find(serving, action)

    (did,) = act(serving)
    assert act(serving) == []

    assert did == f"event latentloop.drift.{action} was emitted after about 0 of 0 images: because of {action}"
    (entry,) = serving.ledger.entries("drift-event", "2")
    assert json.loads(entry.body)["key"] == key
    wait_until(lambda: len(events(key)) == 1, "the event is kept")
    (event,) = events(key)
    assert event["event"] == f"latentloop.drift.{action}"
    assert event["resource"]["prefect.resource.id"] == "latentloop.version.2"
    assert event["payload"] == {
        "key": key,
        "snapshot": "a-snapshot",
        "url": "http://report",
        "failed": ["latent_code"],
        "reason": f"because of {action}",
    }


def test_an_emergency_waits_until_enough_images_of_the_new_kind_came(serving: Neighbours) -> None:
    find(serving, "emergency", needed_images=50)
    traffic = Traffic(serving.telemetry)
    traffic.answer("2", 490)

    assert act(serving) == []
    (waiting,) = waiting_for_images(serving.ledger, serving.telemetry, now())
    assert (waiting.action, waiting.captured, waiting.needed) == ("emergency", 49, 50)

    traffic.answer("1", 100)
    assert act(serving) == [], "what another version answered does not count"
    traffic.answer("2", 10)
    assert act(serving) == [
        "event latentloop.drift.emergency was emitted after about 50 of 50 images: because of emergency"
    ]
    assert waiting_for_images(serving.ledger, serving.telemetry, now()) == []


@pytest.mark.parametrize("point", ["orchestrator.emit_event", "ledger.record"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_on_the_way_repeats_the_same_event_and_leaves_one_line(
    serving: Neighbours, events: Any, point: str, moment: faults.Moment
) -> None:
    key = find(serving, "full")

    def kill(name: str, when: faults.Moment) -> None:
        if (name, when) == (point, moment):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), faults.installed(kill):
        act(serving)
    act(serving)
    assert act(serving) == []

    assert len(serving.ledger.entries("drift-event")) == len(serving.ledger.entries("drift-acted")) == 1
    wait_until(lambda: len(events(key)) >= 1, "the event is kept")
    assert {each["id"] for each in events(key)} == {json.loads(_event(serving).body)["event_id"]}


def _event(world: Neighbours) -> Any:
    (entry,) = world.ledger.entries("drift-event")
    return entry


def test_while_the_orchestrator_is_away_the_event_waits(serving: Neighbours, alone: Neighbours) -> None:
    find(serving, "full")
    with pytest.raises(StoreUnavailable, match="Prefect"):
        act(alone)
    assert alone.ledger.entries("drift-acted") == []
    assert len(act(serving)) == 1


def test_a_retraining_without_a_stored_snapshot_is_refused(serving_alone: Neighbours) -> None:
    find(serving_alone, "emergency", snapshot="")
    assert act(serving_alone) == ["refused: a retraining for drift needs a stored snapshot, and this line names none"]
    assert serving_alone.ledger.entries("drift-event") == []


def test_what_was_found_of_another_champion_is_not_acted_on(serving_alone: Neighbours) -> None:
    find(serving_alone, "full", champion="1")
    assert act(serving_alone) == ["nothing: version 1 is not champion any more"]


def test_what_was_found_of_another_model_under_the_champions_number_is_not_acted_on(serving_alone: Neighbours) -> None:
    """As after a registry was set up anew; older lines name no digest, and count by the number."""
    find(serving_alone, "block", digest="another")
    assert act(serving_alone) == ["nothing: version 2 is not champion any more"]
    find(serving_alone, "block", digest=TWO.digest)
    find(serving_alone, "block")
    assert [did.split(":")[0] for did in act(serving_alone)] == ["blocked", "blocked"]


@pytest.mark.parametrize(
    ("action", "did"),
    [
        ("block", "blocked: no retraining is asked for; a person looks at the source of the images"),
        ("scale_out", "shown: the service needs more replicas or a smaller decoder, never a retraining"),
        ("none", "nothing to be done: because of none"),
        ("wait", "nothing to be done: because of wait"),
        ("cannot_judge", "nothing to be done: because of cannot_judge"),
    ],
)
def test_what_is_no_retraining_is_noted_once(serving_alone: Neighbours, action: str, did: str) -> None:
    before = serving_alone.releases.read()
    find(serving_alone, action)
    assert (act(serving_alone), act(serving_alone)) == ([did], [])
    (entry,) = serving_alone.ledger.entries("drift-acted", "2")
    assert json.loads(entry.body)["action"] == action
    assert serving_alone.releases.read() == before


def test_a_regression_right_after_a_promotion_is_rolled_back_once(serving_alone: Neighbours) -> None:
    find(serving_alone, "roll_back")

    assert act(serving_alone) == ["version 2 was rolled back to version 1"]

    release = serving_alone.releases.read()
    assert (release.champion, release.previous) == (ONE, None)
    (entry,) = serving_alone.ledger.entries("rollback", "2")
    body = json.loads(entry.body)
    assert (body["how"], body["reason"]) == ("drift", "because of roll_back")
    find(serving_alone, "roll_back")
    assert act(serving_alone) == ["nothing: version 2 is not champion any more"]
    assert serving_alone.releases.read() == release


def test_a_kill_after_the_rollback_does_not_roll_back_twice(serving_alone: Neighbours) -> None:
    find(serving_alone, "roll_back")

    def kill(name: str, when: faults.Moment) -> None:
        if (name, when) == ("release.swap", "after"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), faults.installed(kill):
        act(serving_alone)
    release = serving_alone.releases.read()
    assert act(serving_alone) == ["nothing: version 2 is not champion any more"]
    assert serving_alone.releases.read() == release and release.champion == ONE


def test_an_old_promotion_or_one_without_a_previous_version_is_not_rolled_back(serving_alone: Neighbours) -> None:
    swap(serving_alone.releases, previous=None)
    find(serving_alone, "roll_back")
    (did,) = act(serving_alone)
    assert did.startswith("not rolled back: nothing to roll back: version 2 serves and no previous version is kept")
    swap(serving_alone.releases, previous=ONE)
    late = now() + timedelta(seconds=POLICY.recent_promotion_s + 60)
    find(serving_alone, "roll_back", at=late)
    assert act(serving_alone, late) == ["not rolled back: version 2 was not promoted within the last 86400 s"]
    assert serving_alone.releases.read().champion == TWO


def test_a_line_that_cannot_be_read_stops_nobody(serving_alone: Neighbours) -> None:
    serving_alone.ledger.record("drift", "2", '{"action": 3}', now(), key="drift:odd")
    find(serving_alone, "none")
    assert act(serving_alone) == [
        "ignored: the line cannot be read; was it written by a newer Latentloop?",
        "nothing to be done: because of none",
    ]


def look_again(world: Neighbours, action: str, share: float) -> None:
    """Leave a newer line that asks for nothing, as an hourly monitor does."""
    find(world, action, new_share_low=share)


def test_images_stop_counting_when_the_monitor_does_not_find_the_new_kind_any_more(serving_alone: Neighbours) -> None:
    find(serving_alone, "emergency", needed_images=200)
    traffic = Traffic(serving_alone.telemetry)
    traffic.answer("2", 500)
    look_again(serving_alone, "wait", 0.0)
    traffic.answer("2", 1_000)
    look_again(serving_alone, "cannot_judge", 0.9)
    traffic.answer("2", 1_000)

    assert len(act(serving_alone)) == 2, "the two newer lines"

    (waiting,) = waiting_for_images(serving_alone.ledger, serving_alone.telemetry, now())
    assert waiting.captured == 50, "of the 500 that came before the second look"
    look_again(serving_alone, "wait", 0.5)
    traffic.answer("2", 100)
    (waiting,) = waiting_for_images(serving_alone.ledger, serving_alone.telemetry, now())
    assert waiting.captured == 100


@pytest.mark.server
def test_while_the_monitor_suspects_a_sensor_nothing_is_asked_for_and_no_image_counts(serving: Neighbours) -> None:
    find(serving, "emergency", needed_images=400)
    traffic = Traffic(serving.telemetry)
    traffic.answer("2", 500)
    look_again(serving, "block", 0.9)
    traffic.answer("2", 1_000)

    assert act(serving) == ["blocked: no retraining is asked for; a person looks at the source of the images"]
    (waiting,) = waiting_for_images(serving.ledger, serving.telemetry, now())
    assert waiting.captured == 50, "of the 500 that came before the fault"

    look_again(serving, "wait", 0.9)
    traffic.answer("2", 400)
    assert "event latentloop.drift.emergency was emitted after about 410 of 400 images" in act(serving)[0]


def test_a_drift_that_is_over_is_not_trained_for(serving_alone: Neighbours) -> None:
    find(serving_alone, "emergency", needed_images=50)
    assert act(serving_alone) == []
    look_again(serving_alone, "none", 0.0)
    Traffic(serving_alone.telemetry).answer("2", 1_000)

    assert act(serving_alone) == [
        "over: the monitor looked again and found: because of none",
        "nothing to be done: because of none",
    ]
    assert act(serving_alone) == serving_alone.ledger.entries("drift-event") == []


def test_a_line_whose_images_do_not_come_expires_after_a_week(serving_alone: Neighbours) -> None:
    find(serving_alone, "emergency", needed_images=50)
    assert act(serving_alone, now() + timedelta(days=6, hours=23)) == []
    late = now() + timedelta(days=7, seconds=1)
    assert act_on_drift(serving_alone, POLICY, 1.0, late) == [
        "expired: about 0 of 50 images came in 604800 s",
    ]
    find(serving_alone, "emergency", needed_images=50)
    assert act_on_drift(serving_alone, POLICY, 0.05, now() + timedelta(days=0.36)) != [], "a compressed week"
