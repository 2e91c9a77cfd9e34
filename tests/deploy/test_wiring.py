"""A process opens its world once: each store when it is first used, by the settings that it was given."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.settings import SettingsError, load_settings
from deploy.stores.errors import ObjectMissing
from deploy.stores.objects.artifacts import artifact_prefix, put_artifact
from deploy.wiring import World, open_world
from tests.deploy.serving.house import tiny_artifact
from vae_core.artifact import write_artifact

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(load_settings(home=tmp_path / "home"), clock=lambda: NOW)


def test_nothing_is_opened_before_it_is_used_and_each_store_once(world: World) -> None:
    assert not world.settings.home.exists()

    assert world.ledger.triggers() == []
    world.objects.put("a/key", b"bytes")

    assert {each.name for each in world.settings.home.iterdir()} >= {"ledger.db", "objects"}
    assert not (world.settings.home / "telemetry.db").exists()
    for name in ("objects", "engine", "ledger", "releases", "digests", "catalogue", "telemetry"):
        assert getattr(world, name) is getattr(world, name)
    assert world.catalogue.name == world.settings.preprocessing.digest[:12]
    assert world.releases.read().epoch == 0
    world.engine.dispose()


def test_a_version_is_read_once_and_three_are_held(world: World, tmp_path: Path) -> None:
    digests = []
    for seed in range(4):
        digests.append(write_artifact(tmp_path / f"{seed}", tiny_artifact(seed)))
        put_artifact(world.objects, tmp_path / f"{seed}", artifact_prefix(digests[-1]))
    first = world.artifact(artifact_prefix(digests[0]), digests[0])
    assert first.digest == digests[0] and world.artifact(artifact_prefix(digests[0]), digests[0]) is first
    for digest in digests[1:]:
        world.artifact(artifact_prefix(digest), digest)
    assert world.artifact(artifact_prefix(digests[3]), digests[3]).digest == digests[3]
    assert world.artifact(artifact_prefix(digests[0]), digests[0]) is not first, "the oldest was let go"
    with pytest.raises(ObjectMissing):
        world.artifact("artifacts/none", "none")


def test_what_was_read_is_shared_until_three_others_were(world: World) -> None:
    first = world.read_once("one", lambda: object())
    assert world.read_once("one", lambda: object()) is first
    for key in ("two", "three", "four"):
        world.read_once(key, lambda: object())
    assert world.read_once("one", lambda: object()) is not first


def test_its_clock_is_an_argument_and_its_name_is_its_own(world: World) -> None:
    assert world.now() == NOW
    another = World(world.settings)
    assert another.now().tzinfo is UTC
    assert world.owner != another.owner and world.owner.split(":")[:2] == another.owner.split(":")[:2]


def test_a_registry_without_an_address_says_which_setting_is_missing(world: World) -> None:
    with pytest.raises(SettingsError, match="^mlflow_url is not set: start `latentloop up`, or set LATENTLOOP_MLFLOW_"):
        _ = world.registry


def test_a_process_has_the_world_of_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_HOME", str(tmp_path / "elsewhere"))
    assert open_world().settings.home == tmp_path / "elsewhere"
