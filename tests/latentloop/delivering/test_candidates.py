"""A folder becomes a version, and an override lets it be approved: against a real MLflow server."""

from __future__ import annotations

import json
import pickle
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.record.registered import RegisteredLine, record_registered
from deploy.settings import Settings, load_settings
from deploy.stores.mlflow.registry import Registry
from deploy.stores.objects.artifacts import artifact_prefix, has_artifact
from deploy.stores.objects.release_file import generate_keys
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import World, open_database, open_objects, open_registry
from latentloop.delivering.candidates import override_version, register_folder
from latentloop.errors import NothingToDo
from tests.deploy.controller.world import nowhere
from tests.deploy.serving.house import tiny_artifact
from tests.latentloop.front_door import environment, run_latentloop
from vae_core.artifact import write_artifact
from vae_core.errors import ArtifactError

pytestmark = pytest.mark.server


@dataclass
class Desk:
    """A home with a registry; Prefect and the service are away."""

    folder: Path
    env: dict[str, str]
    settings: Settings
    registry: Registry

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_latentloop(*arguments, env=self.env, folder=self.folder, timeout_s=400)

    def refused(self, *arguments: str) -> str:
        """Run a command that must say one line and change nothing; returns the line."""
        done = self.run(*arguments)
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        assert done.stderr.startswith("latentloop: ") and done.stderr.count("\n") == 1, done.stderr
        return done.stderr


@pytest.fixture(scope="module")
def desk(mlflow_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder, product = tmp_path_factory.mktemp("desk"), f"desk-{uuid.uuid4().hex}"
    urls = {"mlflow_url": mlflow_url, "prefect_url": f"{nowhere()}/api", "service_url": nowhere()}
    env = environment(folder / "home", product=product, **urls)
    settings = load_settings(home=folder / "home", product=product, **urls)
    yield Desk(folder, env, settings, open_registry(settings))


@pytest.fixture(scope="module")
def made(desk: Desk) -> tuple[Path, str]:
    """An artifact folder that was made elsewhere, and its digest."""
    folder = desk.folder / "made-elsewhere"
    return folder, write_artifact(folder, tiny_artifact(3))


@pytest.fixture(scope="module")
def registered(desk: Desk, made: tuple[Path, str]) -> dict[str, str]:
    done = desk.run("register", str(made[0]), "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_a_registered_folder_waits_for_an_override_and_an_approval(
    desk: Desk, made: tuple[Path, str], registered: dict[str, str]
) -> None:
    version, digest = desk.registry.version(registered["version"]), made[1]
    assert (version.approval, version.digest, version.tags["benchmark"]) == ("pending", digest, "failed")
    assert version.tags["reason"] == "not judged by the gate: registered by hand from a folder"
    assert {"tier", "dataset_version", "code_version", "parent_version", "snapshot", "delivery"} <= version.tags.keys()
    assert has_artifact(open_objects(desk.settings), artifact_prefix(digest), digest)
    assert registered["url"] == desk.registry.version_url(version.version)


def test_the_same_digest_is_registered_once(desk: Desk, made: tuple[Path, str], registered: dict[str, str]) -> None:
    again = register_folder(World(desk.settings), made[0])

    assert (again.version, again.known, again.benchmark) == (registered["version"], True, "failed")
    assert len(desk.registry.versions()) == 1


def test_what_is_no_artifact_is_refused(desk: Desk, registered: dict[str, str], tmp_path: Path) -> None:
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "model.pkl").write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
    altered = tmp_path / "altered"
    write_artifact(altered, tiny_artifact(4))
    (altered / "weights.safetensors").write_bytes(b"something else")

    assert desk.refused("register", str(pickled)) == (
        f"latentloop: {pickled}: holds no version: expected manifest.json, model.json, weights.safetensors as "
        "`latentloop` writes them\n"
    )
    with pytest.raises(ArtifactError, match=r"weights\.safetensors"):
        register_folder(World(desk.settings), altered)
    with pytest.raises(NothingToDo, match="nowhere: no such folder: expected one that holds a version"):
        register_folder(World(desk.settings), tmp_path / "nowhere")
    assert len(desk.registry.versions()) == 1


def test_an_override_is_on_record_for_the_digest_and_takes_a_refusal_off(
    desk: Desk, made: tuple[Path, str], registered: dict[str, str]
) -> None:
    version = registered["version"]
    desk.registry.set_tag(version, "delivery", "refused")

    for _ in range(2):
        override_version(World(desk.settings), version, " we know better ")

    engine = open_database(desk.settings)
    (entry,) = Ledger(engine).entries("override", version)
    engine.dispose()
    body = json.loads(entry.body)
    assert (body["digest"], body["reason"]) == (made[1], "we know better")
    assert body["who"]
    assert desk.registry.version(version).tags["delivery"] == ""
    assert desk.registry.version(version).approval == "pending", "an override is no approval"


def test_an_override_that_makes_no_sense_is_one_line(desk: Desk, registered: dict[str, str]) -> None:
    version = registered["version"]
    assert "is not registered; registered are" in desk.refused("override", "99", "--reason", "why not")
    with pytest.raises(NothingToDo, match="version abc of .* is not registered"):
        override_version(World(desk.settings), "abc", "why not")
    with pytest.raises(NothingToDo, match="--reason is empty"):
        override_version(World(desk.settings), version, "  ")
    digest, ledger = desk.registry.version(version).digest, Ledger(open_database(desk.settings))
    passed = RegisteredLine(digest=digest, benchmark="passed", reason="as if it had been judged")
    record_registered(ledger, version, passed, "another trigger", datetime.now(UTC))
    with pytest.raises(NothingToDo, match=f"version {version} passed its gate: it needs no override"):
        override_version(World(desk.settings), version, "why not")
    failed = passed.model_copy(update={"benchmark": "failed"})
    record_registered(ledger, version, failed, "a third one", datetime.now(UTC))


def test_delivering_by_hand_takes_the_steps_that_can_be_taken(desk: Desk, registered: dict[str, str]) -> None:
    version = registered["version"]
    override_version(World(desk.settings), version, "we know better")
    desk.registry.set_tag(version, "approval", "approved")
    generate_keys(desk.settings.secrets_folder)

    done = desk.run("deliver")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"RecordApproval version {version}",
        f"LoadBeside version {version}",
        "waiting: the service does not answer",
    ]
    desk.registry.set_tag(version, "approval", "pending")
    again = json.loads(desk.run("deliver", "--json").stdout)
    reason = "the approval was withdrawn before the version became champion"
    assert again["steps"] == [{"step": "TakeBack", "version": version, "reason": reason}]
    assert (again["waits"], again["trial"]) == ("no approved version is waiting", None)
    assert desk.registry.version(version).tags["delivery"] == "rolled_back"
