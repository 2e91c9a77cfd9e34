"""The paired Frechet difference of a canary is asked for until its interval says something, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.controller.config import ControllerConfig
from deploy.controller.measure import LATER, LOOKS, ask_for_frechet, measure_canary
from deploy.controller.neighbours import Neighbours
from deploy.controller.trials import Standing, find_standing, record_beginning
from deploy.record.history import read_fates
from deploy.record.trials import FRECHET, MeasuredChange
from deploy.release import ServedVersion
from deploy.serving.config import ServingConfig
from deploy.settings import Settings
from deploy.stores.errors import StoreUnavailable
from tests.deploy.controller.world import swap, write_pairs

ONE, TWO = (ServedVersion(version=name, digest=f"d{name}", artifact=f"artifacts/d{name}") for name in "12")
RETRY_S = 600.0
MARGIN = 0.02


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
    return ask_for_frechet(tried, world, at or now(), RETRY_S, MARGIN, settled=at or now())


def measured(world: Neighbours, tried: Standing, at: datetime, low: float, high: float, n: int = 200) -> None:
    """What the `deliver` flow leaves in the ledger."""
    change = MeasuredChange(value=(low + high) / 2, low=low, high=high, n=n)
    FRECHET.write(world.ledger, tried.subject, change, at)


def end(api: httpx.Client, run: dict[str, Any], state: str) -> None:
    ended = {"state": {"type": state, "name": state.capitalize()}, "force": True}
    assert api.post(f"/flow_runs/{run['id']}/set_state", json=ended).is_success


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
    told = {"version": "2", "champion": "1", "since": tried.since.isoformat(), "look": 1, "least": 0}
    assert run["parameters"] == told
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
    end(api, runs(api)[0], "FAILED")
    assert not ask(with_prefect, tried), "it is too early"
    assert ask(with_prefect, tried, late)
    assert [each["idempotency_key"] for each in runs(api)] == ["deliver:2@2:1", "deliver:2@2:2"]
    assert [each["parameters"]["look"] for each in runs(api)] == [1, 1], "it was no look"


@pytest.mark.server
def test_an_interval_that_holds_the_margin_is_measured_again_on_more_images_and_not_for_ever(
    with_prefect: Neighbours, api: httpx.Client
) -> None:
    tried, at = canary(with_prefect), now()
    write_pairs(with_prefect.pairs, tried, 1.0)
    for look in range(1, LOOKS + 1):
        assert ask(with_prefect, tried, at + timedelta(seconds=1))
        run = runs(api)[-1]
        assert run["parameters"]["look"] == look
        assert run["parameters"]["least"] == (200 * 2 ** (look - 1) if look > 1 else 0), (
            "twice those of the look before"
        )
        measured(with_prefect, tried, at, -0.02, 0.04, n=200 * 2 ** (look - 1))
        pause = timedelta(seconds=RETRY_S * LATER**look)
        assert not ask(with_prefect, tried, at + pause - timedelta(seconds=1)), "each is much later than the one before"
        at += pause
    assert not ask(with_prefect, tried, at + timedelta(days=3))
    assert len(runs(api)) == LOOKS


@pytest.mark.server
def test_a_further_look_that_brought_nothing_is_asked_for_again_soon(
    with_prefect: Neighbours, api: httpx.Client
) -> None:
    tried = canary(with_prefect)
    write_pairs(with_prefect.pairs, tried, 1.0)
    measured(with_prefect, tried, now() - timedelta(hours=1), -0.02, 0.04)
    at = now() + timedelta(seconds=1)
    assert ask(with_prefect, tried, at)
    soon = at + timedelta(seconds=RETRY_S)
    assert not ask(with_prefect, tried, soon), "it has not ended"
    end(api, runs(api)[0], "CRASHED")
    assert not ask(with_prefect, tried, at), "it is too early"
    assert ask(with_prefect, tried, soon)
    assert [each["parameters"]["look"] for each in runs(api)] == [2, 2]


@pytest.mark.parametrize(("low", "high"), [(-0.06, -0.04), (0.021, 0.05)])
def test_an_interval_beside_the_margin_is_not_measured_again(alone: Neighbours, low: float, high: float) -> None:
    tried = canary(alone)
    write_pairs(alone.pairs, tried, 1.0)
    measured(alone, tried, now(), low, high)
    assert not ask(alone, tried, now() + timedelta(days=2))


def test_no_look_is_spent_before_twice_the_images_have_come(alone: Neighbours) -> None:
    tried = canary(alone)
    measured(alone, tried, now(), -0.02, 0.04)
    write_pairs(alone.pairs, tried, 1.0, count=399)
    later = now() + timedelta(hours=1)
    assert not ask(alone, tried, later)
    write_pairs(alone.pairs, tried, 1.0, count=1)
    with pytest.raises(StoreUnavailable, match="Prefect"):
        ask(alone, tried, later)


def test_a_compressed_clock_shortens_the_pause(alone: Neighbours, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        clock_factor=0.01,
        controller=ControllerConfig(measure_retry_s=RETRY_S),
        serving=ServingConfig(capture_segment_s=10.0),
    )
    assert not measure_canary(alone, settings, now()), "there is no canary"
    tried = canary(alone)
    write_pairs(alone.pairs, tried, 1.0)
    measured(alone, tried, now(), -0.02, 0.04)
    assert not measure_canary(alone, settings, now())
    with pytest.raises(StoreUnavailable, match="Prefect"):
        measure_canary(alone, settings, now() + timedelta(seconds=0.01 * RETRY_S * LATER))


def test_images_count_once_they_can_have_reached_the_store(alone: Neighbours, tmp_path: Path) -> None:
    serving = ServingConfig(capture_segment_s=60.0)
    settings = Settings(
        home=tmp_path, clock_factor=0.01, controller=ControllerConfig(measure_retry_s=1), serving=serving
    )
    tried = canary(alone)
    measured(alone, tried, now() - timedelta(hours=1), -0.02, 0.04)
    write_pairs(alone.pairs, tried, 1.0)
    assert not measure_canary(alone, settings, now() + timedelta(seconds=100))
    with pytest.raises(StoreUnavailable, match="Prefect"):
        measure_canary(alone, settings, now() + timedelta(seconds=140))


def test_in_the_shadow_nothing_is_measured(alone: Neighbours) -> None:
    assert not ask(alone, shadow(alone))


def test_an_orchestrator_that_is_away_is_asked_again(alone: Neighbours) -> None:
    tried = canary(alone)
    with pytest.raises(StoreUnavailable, match="Prefect"):
        ask(alone, tried)
    assert alone.ledger.entries("frechet-asked") == []
