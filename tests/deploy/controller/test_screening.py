"""The screening on real stores and a real Prefect server: one suspicion makes one run."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from data_checks.drift.actions import Action
from data_checks.drift.policy import DriftPolicy
from data_checks.verdict import Phase, Verdict
from deploy.controller.neighbours import Neighbours
from deploy.controller.screening import RETRIES, Screening, monitor_asked_again
from deploy.record.drift_lines import DRIFT, DriftLine
from deploy.stores import faults
from deploy.stores.errors import StoreUnavailable
from tests.deploy.controller.world import Traffic, add_version, champion_of, swap
from tests.deploy.serving.house import House

POLICY = DriftPolicy()
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def now() -> datetime:
    return datetime.now(UTC)


def serve(house: House, world: Neighbours, version: str = "1") -> Traffic:
    """Make a version champion; returns its traffic."""
    swap(world.releases, champion=add_version(house, version, seed=int(version)))
    return Traffic(world.telemetry)


def look(world: Neighbours, at: datetime | None = None) -> Verdict | None:
    """One look of a controller that has just been started."""
    return Screening(world, POLICY, retry_s=PAUSE_S).look(at or now())


def runs(api: httpx.Client) -> list[dict[str, Any]]:
    found = api.post("/flow_runs/filter", json={"deployments": {"name": {"any_": ["monitor"]}}})
    return [dict(each) for each in found.json()]


def test_ordinary_traffic_raises_no_suspicion(house: House, alone: Neighbours) -> None:
    serve(house, alone).answer("1", 600, seed=5)

    verdict = look(alone)

    assert verdict is not None and not verdict.failed, verdict
    assert alone.ledger.entries("alarm") == []


def test_without_a_champion_or_with_too_little_traffic_nothing_is_judged(house: House, alone: Neighbours) -> None:
    assert look(alone) is None
    traffic = serve(house, alone)
    assert look(alone) is None
    traffic.answer("1", 499, shift=3.0)
    assert look(alone) is None
    assert look(alone, now() + timedelta(hours=1)) is None, "however long it takes"


@pytest.mark.server
def test_one_suspicion_makes_one_run_whoever_looks_again(
    house: House, with_prefect: Neighbours, api: httpx.Client
) -> None:
    serve(house, with_prefect).answer("1", 800, shift=1.5)

    verdict = look(with_prefect)

    assert verdict is not None and verdict.failed
    (alarm,) = with_prefect.ledger.entries("alarm", "1")
    assert Verdict.model_validate_json(alarm.body) == verdict
    for _ in range(2):
        look(with_prefect)
    (run,) = runs(api)
    assert run["parameters"] == {"key": alarm.key, "reason": verdict.reason}
    assert run["idempotency_key"] == alarm.key
    assert len(with_prefect.ledger.entries("alarm")) == 1, "the cooldown holds across restarts"


@pytest.mark.server
def test_after_the_cooldown_the_same_suspicion_is_another_run(
    house: House, with_prefect: Neighbours, api: httpx.Client
) -> None:
    serve(house, with_prefect).answer("1", 800, shift=1.5)
    look(with_prefect)
    answered(with_prefect, "emergency", "x")

    look(with_prefect, now() + timedelta(seconds=POLICY.cooldown_s + 60))

    keys = [each.key for each in with_prefect.ledger.entries("alarm")]
    assert keys == ["suspicion-version-1-2", "suspicion-version-1-1"]
    assert {each["idempotency_key"] for each in runs(api)} == set(keys)


@pytest.mark.server
@pytest.mark.parametrize(("action", "alarms"), [("none", 2), ("cannot_judge", 2), ("emergency", 1), ("block", 1)])
def test_an_alarm_that_came_too_early_to_tell_is_soon_followed_by_another(
    house: House, with_prefect: Neighbours, action: str, alarms: int
) -> None:
    serve(house, with_prefect).answer("1", 800, shift=1.5)
    look(with_prefect)
    answered(with_prefect, action, "x")

    look(with_prefect, now() + timedelta(seconds=POLICY.suspicion_pause_s + 60))

    assert len(with_prefect.ledger.entries("alarm")) == alarms


@pytest.mark.server
def test_a_suspicion_survives_an_orchestrator_that_is_away(
    house: House, alone: Neighbours, with_prefect: Neighbours, api: httpx.Client
) -> None:
    serve(house, alone).answer("1", 800, shift=1.5)
    with pytest.raises(StoreUnavailable, match="Prefect"):
        look(alone)
    (alarm,) = alone.ledger.entries("alarm")

    look(with_prefect)

    assert [each["idempotency_key"] for each in runs(api)] == [alarm.key]


@pytest.mark.server
@pytest.mark.parametrize(
    ("point", "moment"),
    [("ledger.record", "after"), ("orchestrator.create_run", "before"), ("orchestrator.create_run", "after")],
)
def test_a_controller_killed_on_the_way_to_the_run_starts_it_once(
    house: House, with_prefect: Neighbours, api: httpx.Client, point: str, moment: faults.Moment
) -> None:
    serve(house, with_prefect).answer("1", 800, shift=1.5)

    def kill(name: str, when: faults.Moment) -> None:
        if (name, when) == (point, moment):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), faults.installed(kill):
        look(with_prefect)
    look(with_prefect)
    look(with_prefect)

    (alarm,) = with_prefect.ledger.entries("alarm")
    assert [each["idempotency_key"] for each in runs(api)] == [alarm.key]
    assert len(with_prefect.ledger.entries("alarm-run")) == 1


PAUSE_S = 900.0
LEASE_S = 20.0


def answered(world: Neighbours, action: Action, key: str, until: datetime | None = None) -> None:
    """Leave the line of a monitor run that judged the traffic until then."""
    line = DriftLine(
        key=key, champion="1", action=action, reason="it was looked at", window_since=until or now(), at=now()
    )
    DRIFT.write(world.ledger, "1", line, now(), key=f"drift:{key}")


def suspected(house: House, world: Neighbours) -> str:
    """Drift that was noticed and whose run was asked for; returns the alarm's key."""
    serve(house, world).answer("1", 800, shift=1.5)
    look(world)
    (alarm,) = world.ledger.entries("alarm", "1")
    assert alarm.key is not None
    return alarm.key


def look_after(world: Neighbours, after_s: float) -> int:
    """Look again; returns how often the run of the alarm was asked for again until now."""
    look(world, now() + timedelta(seconds=after_s))
    return len(world.ledger.entries("alarm-retry"))


@pytest.mark.server
@pytest.mark.parametrize("claimed", [False, True])
def test_a_monitor_run_that_died_is_asked_for_again_a_few_times(
    house: House, with_prefect: Neighbours, api: httpx.Client, claimed: bool
) -> None:
    key = suspected(house, with_prefect)
    if claimed:
        with_prefect.ledger.claim(key, "monitor", "", "a-run", now(), LEASE_S)
    assert look_after(with_prefect, PAUSE_S - 60) == 0, "too early"
    for attempt in range(1, RETRIES.most + 1):
        assert look_after(with_prefect, attempt * (PAUSE_S + 60)) == attempt
        assert look_after(with_prefect, attempt * (PAUSE_S + 60) + PAUSE_S / 2) == attempt
    assert look_after(with_prefect, 10 * PAUSE_S) == RETRIES.most

    found = sorted(runs(api), key=lambda run: run["idempotency_key"])
    assert [each["idempotency_key"] for each in found] == [key, f"{key}:retry:1", f"{key}:retry:2"]
    assert found[0]["parameters"] == found[1]["parameters"] == found[2]["parameters"]
    assert len(with_prefect.ledger.entries("alarm")) == 1
    again = monitor_asked_again(with_prefect.ledger, champion_of(with_prefect), LONG_AGO)
    assert again is not None and (again.trigger, again.times, again.most) == (key, 2, 2)
    assert again.url.endswith(found[2]["id"])


@pytest.mark.server
def test_a_monitor_run_that_lives_long_costs_none_of_the_attempts(house: House, with_prefect: Neighbours) -> None:
    key, ledger = suspected(house, with_prefect), with_prefect.ledger
    ledger.claim(key, "monitor", "", "a-run", now(), LEASE_S)
    for pauses in range(2, 6):
        at = now() + timedelta(seconds=pauses * PAUSE_S)
        ledger.renew(key, "a-run", at)
        assert look_after(with_prefect, pauses * PAUSE_S + LEASE_S / 2) == 0
    assert look_after(with_prefect, 5 * PAUSE_S + 2 * LEASE_S) == 1, "and when it dies it is asked for again"


@pytest.mark.server
@pytest.mark.parametrize("how", ["by its own run", "by another run", "finished"])
def test_an_alarm_that_was_answered_is_not_asked_about_again(house: House, with_prefect: Neighbours, how: str) -> None:
    key, ledger = suspected(house, with_prefect), with_prefect.ledger
    ledger.claim(key, "monitor", "", "a-run", now() - timedelta(seconds=2 * LEASE_S), LEASE_S)
    assert look_after(with_prefect, PAUSE_S + 60) == 1
    assert monitor_asked_again(ledger, champion_of(with_prefect), LONG_AGO) is not None
    if how == "finished":
        ledger.finish(key, "a-run", "done", "emergency", now())
    else:
        answered(with_prefect, "emergency", key if how == "by its own run" else "schedule-monitor-2026-01-01T0000")
    assert look_after(with_prefect, 10 * PAUSE_S) == 1
    assert monitor_asked_again(ledger, champion_of(with_prefect), LONG_AGO) is None


@pytest.mark.server
def test_an_answer_from_before_the_alarm_is_none(house: House, with_prefect: Neighbours) -> None:
    answered(with_prefect, "none", "earlier")
    suspected(house, with_prefect)
    # the hourly run began before the alarm, and wrote after it
    answered(with_prefect, "none", "hourly", until=now() - timedelta(minutes=1))
    assert look_after(with_prefect, PAUSE_S + 60) == 1


@pytest.mark.server
def test_the_pause_counts_from_when_the_run_was_asked_for(
    house: House, alone: Neighbours, with_prefect: Neighbours
) -> None:
    serve(house, alone).answer("1", 800, shift=1.5)
    with pytest.raises(StoreUnavailable, match="Prefect"):
        look(alone)
    assert look_after(with_prefect, 2 * PAUSE_S) == 0, "the orchestrator was away that long"
    assert look_after(with_prefect, 3 * PAUSE_S - 60) == 0
    assert look_after(with_prefect, 3 * PAUSE_S + 60) == 1


@pytest.mark.server
def test_traffic_that_is_refused_is_watched_as_well(house: House, with_prefect: Neighbours) -> None:
    traffic = serve(house, with_prefect)
    traffic.answer("1", 600, seed=5)
    traffic.refuse("1", 200, "low_variance")

    verdict = look(with_prefect)

    assert verdict is not None and verdict.failed
    assert "low_variance" in verdict.reason


def test_a_new_champion_is_judged_by_its_own_rows_and_its_own_reference(house: House, alone: Neighbours) -> None:
    traffic = serve(house, alone)
    screening = Screening(alone, POLICY)
    traffic.answer("1", 800, shift=1.5)  # not looked at before the promotion
    serve(house, alone, "2")
    traffic.answer("1", 800, shift=1.5)  # rows of the old one that were on their way
    assert screening.look(now()) is None
    traffic.answer("2", 600, seed=5)

    verdict = screening.look(now())

    assert verdict is not None and verdict.phase in (Phase.passed, Phase.inconclusive)


def test_after_a_rollback_only_rows_since_the_rollback_count(house: House, alone: Neighbours) -> None:
    traffic = serve(house, alone)
    first = alone.releases.read().champion
    traffic.answer("1", 800, shift=1.5)
    serve(house, alone, "2")
    swap(alone.releases, champion=first)
    assert look(alone) is None
    traffic.answer("1", 600, seed=5)
    verdict = look(alone)
    assert verdict is not None and not verdict.failed


def test_the_next_look_needs_new_requests(house: House, alone: Neighbours) -> None:
    traffic, screening = serve(house, alone), Screening(alone, POLICY)
    traffic.answer("1", 600, seed=5)
    assert screening.look(now()) is not None
    traffic.answer("1", 100, seed=6)
    assert screening.look(now()) is None, "100 new ones are too few"
    assert screening.look(now() + timedelta(seconds=POLICY.screening_every_s)) is not None, "but not for ever"
    assert screening.look(now() + timedelta(seconds=2 * POLICY.screening_every_s + 1)) is None, "nothing new came"


def test_a_version_without_a_reference_cannot_be_judged(house: House, alone: Neighbours) -> None:
    swap(alone.releases, champion=house.add_version("1", seed=1, with_reference=False))
    Traffic(alone.telemetry).answer("1", 600, shift=3.0)
    verdict = look(alone)
    assert verdict is not None and verdict.phase is Phase.no_data
    assert "cannot judge" in verdict.reason
    assert json.loads(verdict.model_dump_json())["phase"] != "passed"


def test_a_reference_that_could_not_be_read_is_read_at_the_next_look(house: House, alone: Neighbours) -> None:
    traffic, screening = serve(house, alone), Screening(alone, POLICY)
    traffic.answer("1", 600, seed=5)
    champion = alone.releases.read().champion
    assert champion is not None
    manifest = f"{champion.artifact}/manifest.json"
    kept = house.objects.get(manifest).data
    house.objects.delete(manifest)
    verdict = screening.look(now())
    assert verdict is not None and verdict.phase is Phase.no_data

    house.objects.put(manifest, kept)
    traffic.answer("1", 600, seed=6)

    verdict = screening.look(now())
    assert verdict is not None and verdict.phase in (Phase.passed, Phase.inconclusive)
