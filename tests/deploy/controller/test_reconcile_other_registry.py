"""The registered model was renamed, or MLflow set up anew: numbers count from the beginning, and mean nothing."""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.delivery.steps import Refuse
from deploy.record.registries import REGISTRY, find_other_registry, note_registry
from deploy.stores.mlflow.registry import Registry
from deploy.stores.objects.artifacts import fetch_artifact
from tests.deploy.controller.neighbourhood import MARKS, World, kinds, serving

pytestmark = MARKS


@pytest.fixture
def anew(world: World) -> World:
    """The same installation, whose champion serves, on a registry without a version."""
    serving(world)
    registry = Registry(world.registry.url, f"renamed-{uuid.uuid4().hex}")
    registry.ensure_model()
    return replace(world, neighbours=replace(world.neighbours, registry=registry))


def register_until(world: World, number: str) -> tuple[str, str]:
    """Versions as trainings make them, until one bears the number."""
    while (made := world.register())[0] != number:
        pass
    return made


def test_a_stranger_that_bears_the_champions_number_is_not_taken_for_it(anew: World) -> None:
    champion = anew.neighbours.releases.read().champion
    assert champion is not None
    number, digest = register_until(anew, champion.version)

    assert anew.look() == []

    tags = anew.tags(number)
    assert (tags["approval"], tags.get("delivery"), anew.registry.alias("champion")) == ("pending", None, None)

    anew.approve(number)
    (step,) = anew.look()

    assert isinstance(step, Refuse)
    told = f"version {number} of the release is another model (digest {champion.digest[:12]}, not {digest[:12]})"
    assert step.reason.startswith(told)
    assert anew.tags(number)["delivery"] == "refused"
    assert anew.neighbours.releases.read().champion == champion


def test_what_serves_is_known_by_its_digest_under_its_new_number(anew: World, tmp_path: Path) -> None:
    champion = anew.neighbours.releases.read().champion
    assert champion is not None
    artifact = fetch_artifact(anew.neighbours.objects, champion.artifact, champion.digest, tmp_path / "artifact")
    number, digest = anew.register(artifact)
    assert digest == champion.digest

    anew.look()

    assert anew.registry.alias("champion") == number
    assert anew.tags(number)["delivery"] == "promoted"
    anew.approve(number)
    assert kinds(anew.look()) == []


def test_another_registry_is_said_in_one_line_until_a_training_registers_there(
    anew: World, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    ledger, registry = world.neighbours.ledger, anew.registry
    (noted,) = REGISTRY.lines(ledger, world.registry.product)
    assert noted.body.born == world.registry.born()
    assert find_other_registry(ledger, world.registry) == ""

    with caplog.at_level(logging.WARNING, "latentloop.controller"):
        anew.look()
    said = find_other_registry(ledger, registry)
    assert [each.getMessage() for each in caplog.records] == [said]
    assert said.startswith(f"another registry: model {registry.product} of MLflow at {registry.url} was made 20")
    assert f"this installation's versions are in model {world.registry.product}, made 20" in said
    assert "\n" not in said
    nowhere = Registry(registry.url, f"never-made-{uuid.uuid4().hex}")
    assert f"model {nowhere.product} of MLflow at {nowhere.url} is not there" in find_other_registry(ledger, nowhere)

    note_registry(ledger, registry, datetime.now(UTC))

    assert find_other_registry(ledger, registry) == ""
    newest = REGISTRY.newest(ledger)
    assert newest is not None
    made = noted.body.reason.split("made ")[1]
    assert newest.body.reason.endswith(f"; those before in {world.registry.product}, made {made}")
    note_registry(ledger, world.registry, datetime.now(UTC))  # for the tests that follow
