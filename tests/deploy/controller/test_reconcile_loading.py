"""A version has its whole time to load, however far the waiting is compressed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.controller.config import ControllerConfig
from deploy.controller.neighbours import Neighbours
from deploy.controller.reconcile import Look, Reconciler
from deploy.controller.service import Service
from deploy.delivery.steps import TakeBack
from tests.deploy.controller.neighbourhood import MARKS, TOLERANCE, World, kinds
from tests.deploy.controller.serving_process import serving_process
from tests.deploy.controller.world import POLICY, nowhere, swap
from tests.deploy.serving.house import House

pytestmark = MARKS
FACTOR = 0.002
LOAD_S = ControllerConfig().load_timeout_s


class Clock:
    """The time, moved by hand."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def blind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A real replica that looks at another object store: it never sees this release, and has no trouble."""
    house = House(tmp_path_factory.mktemp("elsewhere"))
    with serving_process(house) as url:
        service = Service(url)
        yield service
        service._client.close()
    house.close()


@pytest.fixture
def loading(world: World, blind: Service) -> Iterator[tuple[Neighbours, str]]:
    """An approved version in the shadow slot that the replica does not load."""
    slots = dict.fromkeys(("champion", "previous", "shadow", "canary"))
    swap(world.neighbours.releases, canary_share=0.0, **slots)
    version, _ = world.register()
    world.approve(version)
    yield replace(world.neighbours, service=blind), version
    swap(world.neighbours.releases, canary_share=0.0, **slots)
    world.registry.set_tag(version, "approval", "rejected")


def test_a_version_has_its_whole_time_to_load_however_far_the_waiting_is_compressed(
    loading: tuple[Neighbours, str],
) -> None:
    neighbours, version = loading
    clock = Clock()
    controller = Reconciler(neighbours, ControllerConfig(), POLICY, clock, FACTOR, golden_tolerance=TOLERANCE)
    assert _holds(controller.look(), neighbours, version)

    clock.forward(LOAD_S * FACTOR + 1)
    assert _holds(controller.look(), neighbours, version), "0.6 s are not its time to load"
    clock.forward(LOAD_S - LOAD_S * FACTOR - 2)
    assert _holds(controller.look(), neighbours, version)

    clock.forward(2)
    taken = controller.look().taken
    assert kinds([taken[0]]) == [TakeBack]
    reason = neighbours.releases.read().reason
    assert f"version {version} taken back: not seen by the service after 301 s, expected 300 s at most" in reason
    assert "it follows release 0 and not" in reason and "reports no trouble; see its log" in reason


def test_while_the_service_is_away_nobodys_time_to_load_runs(loading: tuple[Neighbours, str], tmp_path: Path) -> None:
    neighbours, version = loading
    clock = Clock()
    controller = Reconciler(neighbours, ControllerConfig(), POLICY, clock, FACTOR, golden_tolerance=TOLERANCE)
    assert _holds(controller.look(), neighbours, version)

    there = neighbours.service.url
    neighbours.service._client.base_url = nowhere()
    clock.forward(2 * LOAD_S)
    assert controller.look().waits == "the service does not answer"
    neighbours.service._client.base_url = there
    clock.forward(LOAD_S - 1)
    assert _holds(controller.look(), neighbours, version), "it came back, and loads"
    clock.forward(2)
    assert kinds(list(controller.look().taken))[0] is TakeBack


def _holds(look: Look, neighbours: Neighbours, version: str) -> bool:
    """Whether the version is in the shadow slot after this look, which waits for it to be loaded."""
    shadow = neighbours.releases.read().shadow
    waits = f"the service is loading version {version}: no trouble is reported"
    return shadow is not None and shadow.version == version and look.waits == waits
