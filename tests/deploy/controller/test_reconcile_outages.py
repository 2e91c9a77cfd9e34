"""Neighbours that are away, a file that somebody altered, a controller that is killed: the next look mends it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from deploy.controller.reconcile import Reconciler
from deploy.controller.service import Service
from deploy.delivery.steps import LoadBeside, Promote, RecordApproval, TakeBack
from deploy.stores.errors import StoreUnavailable
from deploy.stores.mlflow.registry import Registry
from deploy.stores.objects.release_file import RELEASE_KEY, verify_release
from tests.deploy.controller.neighbourhood import CONFIG, MARKS, TOLERANCE, TRIED, World, kinds, serving, start_canary
from tests.deploy.controller.world import POLICY, nowhere, write_pairs

pytestmark = MARKS


def test_a_release_file_that_somebody_altered_is_written_again(world: World) -> None:
    version, _ = world.register()
    world.approve(version)
    world.settle(version)
    world.house.objects.put(RELEASE_KEY, b"{}")
    assert world.look() == []
    published = verify_release(world.house.objects.get(RELEASE_KEY).data, world.house.keys.public)
    assert published == world.neighbours.releases.read()


def test_without_mlflow_a_look_says_so_and_changes_nothing(world: World) -> None:
    version, _ = world.register()
    world.approve(version)
    before = world.snapshot()
    url = nowhere()
    with pytest.raises(StoreUnavailable, match=f"MLflow at {url} could not list the versions"):
        world.look(registry=Registry(url, world.registry.product))
    assert world.snapshot() == before
    assert Promote in kinds(world.settle(version))  # and the approval was not forgotten


def test_without_the_service_a_version_waits_beside_the_champion(world: World) -> None:
    version, _ = world.register()
    world.approve(version)
    away = Service(nowhere())
    champion = world.neighbours.releases.read().champion
    assert kinds(world.look(service=away)) == [RecordApproval, LoadBeside]
    away._client.close()
    assert world.tags(version)["delivery"] == "shadow"
    assert world.neighbours.releases.read().champion == champion
    assert kinds(world.settle(version)) == TRIED[2:]


def test_a_bad_canary_is_taken_back_while_mlflow_is_away_and_its_tags_follow(world: World) -> None:
    serving(world)
    version, _ = world.register()
    world.approve(version)
    write_pairs(world.neighbours.pairs, start_canary(world, version), 0.9, failures=600)
    with pytest.raises(StoreUnavailable, match="MLflow"):
        world.look(registry=Registry(nowhere(), world.registry.product))

    assert world.neighbours.releases.read().canary is None
    assert world.tags(version)["delivery"] == "canary"
    assert world.look() == []
    assert world.tags(version)["delivery"] == "rolled_back"


def test_what_was_done_without_the_registry_is_told_beside_its_trouble(world: World) -> None:
    serving(world)
    version, _ = world.register()
    world.approve(version)
    write_pairs(world.neighbours.pairs, start_canary(world, version), 0.9, failures=600)
    away = replace(world.neighbours, registry=Registry(nowhere(), world.registry.product))

    look = Reconciler(away, CONFIG, POLICY, lambda: datetime.now(UTC), golden_tolerance=TOLERANCE).look()

    assert kinds(list(look.taken)) == [TakeBack]
    assert isinstance(look.trouble, StoreUnavailable)


def test_a_champion_whose_version_somebody_deleted_serves_on_and_keeps_nobody_from_delivery(world: World) -> None:
    champion, _ = serving(world)
    deleted = {"name": world.registry.product, "version": champion}
    url = f"{world.registry.url}/api/2.0/mlflow/model-versions/delete"
    httpx.request("DELETE", url, json=deleted, timeout=120).raise_for_status()
    version, _ = world.register()
    world.approve(version)

    taken = world.look()

    assert kinds(taken)[:2] == [RecordApproval, LoadBeside]
    release = world.neighbours.releases.read()
    assert release.champion is not None and release.champion.version == champion
    assert world.registry.alias("champion") is None
