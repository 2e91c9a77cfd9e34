"""The paired Frechet difference of a canary is asked for once, and again only when a run brought nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from deploy.controller.history import read_fates
from deploy.controller.measure import ask_for_frechet
from deploy.controller.neighbours import Neighbours
from deploy.controller.trials import Standing, find_standing, record_beginning
from deploy.release import ServedVersion
from deploy.stores.errors import StoreUnavailable
from tests.deploy.controller.world import swap

ONE, TWO = (ServedVersion(version=name, digest=f"d{name}", artifact=f"artifacts/d{name}") for name in "12")
RETRY_S = 600.0


def now() -> datetime:
    return datetime.now(UTC)


def standing(world: Neighbours) -> Standing:
    found = find_standing(world.releases.read(), read_fates(world.ledger), world.ledger)
    assert found is not None
    return found


def shadow(world: Neighbours) -> Standing:
    swap(world.releases, champion=ONE)
    record_beginning(world.ledger, swap(world.releases, shadow=TWO), TWO, now())
    return standing(world)


def canary(world: Neighbours) -> Standing:
    shadow(world)
    swap(world.releases, shadow=None, canary=TWO, canary_share=0.05)
    return standing(world)


def ask(world: Neighbours, tried: Standing, at: datetime | None = None) -> bool:
    return ask_for_frechet(tried, world.ledger, world.orchestrator, at or now(), RETRY_S)


def runs(api: httpx.Client) -> list[dict[str, Any]]:
    found = api.post("/flow_runs/filter", json={"deployments": {"name": {"any_": ["deliver"]}}})
    return sorted((dict(each) for each in found.json()), key=lambda each: each["idempotency_key"])


@pytest.mark.server
def test_a_canary_is_measured_once_on_the_requests_since_its_shadow(
    with_prefect: Neighbours, api: httpx.Client
) -> None:
    tried = canary(with_prefect)
    asked = [ask(with_prefect, tried) for _ in range(3)]

    assert asked == [True, False, False]
    (run,) = runs(api)
    assert run["parameters"] == {"version": "2", "champion": "1", "since": tried.since.isoformat()}
    assert tried.since < tried.stage_since
    assert tried.subject == "2@2", "the release under which the trial began"


@pytest.mark.server
def test_a_run_that_ended_without_a_number_is_asked_again_after_a_while(
    with_prefect: Neighbours, api: httpx.Client
) -> None:
    tried = canary(with_prefect)
    ask(with_prefect, tried)
    late = now() + timedelta(seconds=RETRY_S + 1)
    assert not ask(with_prefect, tried, late), "it has not ended"
    state = {"state": {"type": "FAILED", "name": "Failed"}, "force": True}
    assert api.post(f"/flow_runs/{runs(api)[0]['id']}/set_state", json=state).is_success
    assert not ask(with_prefect, tried), "it is too early"
    assert ask(with_prefect, tried, late)
    assert [each["idempotency_key"] for each in runs(api)] == ["deliver:2@2:1", "deliver:2@2:2"]

    body = json.dumps({"schema_version": 1, "value": 0.0, "low": -0.01, "high": 0.01, "n": 1_000})
    with_prefect.ledger.record("frechet", tried.subject, body, now())
    assert not ask(with_prefect, tried, late + timedelta(days=1)), "there is a number"


def test_in_the_shadow_nothing_is_measured(alone: Neighbours) -> None:
    assert not ask(alone, shadow(alone))


def test_an_orchestrator_that_is_away_is_asked_again(alone: Neighbours) -> None:
    tried = canary(alone)
    with pytest.raises(StoreUnavailable, match="Prefect"):
        ask(alone, tried)
    assert alone.ledger.entries("frechet-asked") == []
