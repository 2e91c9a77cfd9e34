"""The controller among real neighbours: MLflow, a service process, objects in a folder, ledger in SQLite.

One house for the module: every test registers versions of its own and looks only at them.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pytest

from deploy.controller.config import ControllerConfig
from deploy.controller.reconcile import Neighbours, reconcile
from deploy.controller.service import Service
from deploy.delivery.steps import LoadBeside, Promote, RecordApproval, Refuse, Step, TakeBack, TryGolden
from deploy.stores.artifacts import artifact_prefix, put_artifact
from deploy.stores.database import migrate, open_engine
from deploy.stores.errors import StoreUnavailable
from deploy.stores.ledger import Ledger
from deploy.stores.registry import APPROVED, Registry
from deploy.stores.release import ReleaseStore
from deploy.stores.release_file import RELEASE_KEY, verify_release
from tests.deploy.serving.house import House, tiny_artifact, wait_until
from tests.deploy.serving.process import environment
from tests.servers import free_ports, running
from vae_core.artifact import Artifact, write_artifact
from vae_core.golden import Golden

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]

CONFIG = ControllerConfig(warmup_requests=2)


@dataclass
class World:
    """The neighbours of a controller, and what a person and a training do to them."""

    house: House
    neighbours: Neighbours
    run_id: str
    model_uri: str
    seed: int = 0

    @property
    def registry(self) -> Registry:
        return self.neighbours.registry

    def register(self, artifact: Artifact | None = None, *, stored: bool = True, **tags: str) -> tuple[str, str]:
        """Register a version as a training does; returns its number and its digest."""
        self.seed += 1
        folder = self.house.root / "built" / str(self.seed)
        digest = write_artifact(folder, artifact or tiny_artifact(self.seed))
        if stored:
            put_artifact(self.neighbours.objects, folder, artifact_prefix(digest))
        version = self.registry.create_version(
            model_uri=self.model_uri,
            run_id=self.run_id,
            trigger=uuid.uuid4().hex,
            tags={"model_digest": digest, "benchmark": "passed", **tags},
            description="a version",
        )
        return version.version, digest

    def approve(self, version: str) -> None:
        """Edit the tag as a person does in the MLflow UI."""
        self.registry.set_tag(version, "approval", APPROVED)

    def look(self) -> list[Step]:
        return reconcile(self.neighbours, CONFIG, lambda: datetime.now(UTC), 1.0)

    def settle(self, version: str) -> list[Step]:
        """Look until the version is settled; the service loads in between."""
        taken: list[Step] = []

        def is_settled() -> bool:
            taken.extend(self.look())
            return self.tags(version).get("delivery") in {"promoted", "refused", "rolled_back"}

        wait_until(is_settled, f"version {version} settled")
        return taken

    def tags(self, version: str) -> dict[str, str]:
        return dict(self.registry.version(version).tags)

    def snapshot(self) -> dict[str, Any]:
        """Everything that a controller may write."""
        return {
            "release": self.neighbours.releases.read(),
            "file": self.neighbours.objects.etag(RELEASE_KEY),
            "ledger": self.neighbours.ledger.entries(limit=10_000),
            "versions": self.registry.versions(),
            "aliases": [self.registry.alias(name) for name in ("champion", "previous")],
        }


@pytest.fixture(scope="module")
def world(mlflow_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    house = House(tmp_path_factory.mktemp("house"))
    engine = open_engine(f"sqlite:///{house.root}/ledger.db")
    migrate(engine)
    registry = Registry(mlflow_url, f"controller-{uuid.uuid4().hex}")
    registry.ensure_model()
    run_id = registry.ensure_run("a-training", "training", {})
    write_artifact(house.root / "logged", tiny_artifact(0))
    model_uri = registry.log_model(run_id, house.root / "logged", (1, 28, 28))
    with _service(house) as url:
        neighbours = Neighbours(
            registry=registry,
            ledger=Ledger(engine),
            releases=ReleaseStore(engine),
            objects=house.objects,
            service=Service(url),
            signing_key=house.keys.private,
        )
        yield World(house, neighbours, run_id, model_uri)
        neighbours.service._client.close()  # a controller keeps it until it ends
    engine.dispose()
    house.close()


@contextmanager
def _service(house: House) -> Iterator[str]:
    """Run a replica without a champion; it trusts any golden answer, so that the controller has something to find."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "deploy.serving", "--port", str(port)]
    settings = environment(house, serving__golden_tolerance="1e9", serving__load_retry_s="0.2")

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/healthz", timeout=2).is_success
        except httpx.TransportError:
            return False

    with running("serving", command, house.root, settings, answers):
        yield url


def with_golden(seed: int, golden: Golden | None) -> Artifact:
    return replace(tiny_artifact(seed), golden=golden)


def kinds(steps: list[Step]) -> list[type]:
    return [type(each) for each in steps]


def test_an_approved_version_becomes_champion_everywhere(world: World) -> None:
    version, digest = world.register()
    world.approve(version)
    steps = world.settle(version)
    assert kinds(steps) == [RecordApproval, LoadBeside, TryGolden, Promote]

    release = world.neighbours.releases.read()
    assert release.champion is not None and release.shadow is None
    assert (release.champion.version, release.champion.digest) == (version, digest)
    assert "golden inputs through the service: golden_deviation" in release.reason
    published = verify_release(world.house.objects.get(RELEASE_KEY).data, world.house.keys.public)
    assert published == release
    assert world.registry.alias("champion") == version
    tags = world.tags(version)
    assert (tags["delivery"], tags["delivery_reason"]) == ("promoted", release.reason)
    assert len(world.neighbours.ledger.entries("approval", version)) == 1
    wait_until(lambda: world.neighbours.service.view().epoch == release.epoch, "the service follows")
    assert world.neighbours.service.view().loaded[version] == digest


def test_the_champion_of_before_stays_as_previous(world: World) -> None:
    (old, _), (new, _) = world.register(), world.register()
    for version in (old, new):
        world.approve(version)
        world.settle(version)
    release = world.neighbours.releases.read()
    assert release.champion is not None and release.previous is not None
    assert (release.champion.version, release.previous.version) == (new, old)
    assert (world.registry.alias("champion"), world.registry.alias("previous")) == (new, old)


def test_a_pending_version_stays_where_it_is(world: World) -> None:
    version, _ = world.register()
    world.look()
    before = world.snapshot()
    assert world.look() == []
    assert world.snapshot() == before
    assert "delivery" not in world.tags(version)


def test_looking_again_at_a_settled_world_changes_nothing(world: World) -> None:
    version, _ = world.register()
    world.approve(version)
    world.settle(version)
    before = world.snapshot()
    assert world.look() == []
    assert world.snapshot() == before


def test_an_approval_against_the_benchmark_is_refused_and_on_record(world: World) -> None:
    version, digest = world.register(benchmark="failed")
    world.approve(version)
    reason = "benchmark=failed and no override is recorded: expected benchmark=passed"
    assert world.settle(version) == [Refuse(version, digest, reason)]
    (entry,) = world.neighbours.ledger.entries("approval-refused", version)
    assert reason in entry.body and digest in entry.body
    assert (world.tags(version)["delivery"], world.tags(version)["delivery_reason"]) == ("refused", reason)
    assert world.neighbours.ledger.entries("approval", version) == []


def test_an_override_on_record_lets_the_same_version_serve(world: World) -> None:
    version, _ = world.register(benchmark="failed")
    world.neighbours.ledger.record("override", version, "{}", datetime.now(UTC))
    world.approve(version)
    assert Promote in kinds(world.settle(version))
    assert world.registry.alias("champion") == version


def test_an_approval_that_another_one_overtook_is_refused(world: World) -> None:
    (older, _), (newer, _) = world.register(), world.register()
    world.approve(newer)
    world.approve(older)
    world.settle(newer)
    assert world.tags(older)["delivery"] == "refused"
    assert world.tags(older)["delivery_reason"] == f"superseded: version {newer} is newer and approved as well"
    assert world.registry.alias("champion") == newer


@pytest.mark.parametrize("digest", [None, "", "../../etc/passwd", "0" * 64])
def test_a_digest_without_an_artifact_is_refused_and_blocks_nobody(world: World, digest: str | None) -> None:
    tags = {} if digest is None else {"model_digest": digest}
    version, registered = world.register(stored=False, **tags)
    world.approve(version)
    named = (registered if digest is None else digest) or "(tag model_digest is missing)"
    (step,) = world.settle(version)
    assert isinstance(step, Refuse)
    assert step.reason == f"the object store holds no artifact {named}"
    assert world.tags(version)["delivery"] == "refused"


def test_golden_answers_that_differ_are_taken_back(world: World) -> None:
    good = tiny_artifact(900).golden
    assert good is not None
    _assert_taken_back(
        world,
        with_golden(900, replace(good, recon_error=good.recon_error * 1.5)),
        "golden inputs through the service: golden_deviation 0.3333 > limit 0.01 relative (n=4)",
    )


def test_golden_inputs_that_the_service_refuses_are_taken_back(world: World) -> None:
    good = tiny_artifact(901).golden
    assert good is not None
    black = replace(good, pixels=np.zeros_like(good.pixels))
    _assert_taken_back(world, with_golden(901, black), "golden inputs could not be tried: service at http://")


def test_a_version_without_golden_answers_is_taken_back(world: World) -> None:
    _assert_taken_back(world, with_golden(902, None), "golden inputs could not be tried: artifacts/")


def _assert_taken_back(world: World, artifact: Artifact, reason: str) -> None:
    champion = world.neighbours.releases.read().champion
    version, _ = world.register(artifact)
    world.approve(version)
    steps = world.settle(version)
    assert kinds(steps) == [RecordApproval, LoadBeside, TryGolden, TakeBack]
    release = world.neighbours.releases.read()
    assert release.champion == champion and release.shadow is None
    assert world.tags(version)["delivery"] == "rolled_back"
    assert world.tags(version)["delivery_reason"].startswith(reason)
    assert world.look() == []


def test_a_release_file_that_somebody_altered_is_written_again(world: World) -> None:
    version, _ = world.register()
    world.approve(version)
    world.settle(version)
    world.house.objects.put(RELEASE_KEY, b"{}")
    assert world.look() == []
    published = verify_release(world.house.objects.get(RELEASE_KEY).data, world.house.keys.public)
    assert published == world.neighbours.releases.read()


def test_without_mlflow_a_look_says_so_and_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    version, _ = world.register()
    world.approve(version)
    before = world.snapshot()
    (port,) = free_ports(1)
    away = replace(world.neighbours, registry=Registry(f"http://127.0.0.1:{port}", world.registry.product))
    with pytest.raises(StoreUnavailable, match=f"MLflow at http://127.0.0.1:{port} could not list the versions"):
        reconcile(away, CONFIG, lambda: datetime.now(UTC), 1.0)
    assert world.snapshot() == before
    assert Promote in kinds(world.settle(version))  # and the approval was not forgotten


def test_without_the_service_a_version_waits_beside_the_champion(world: World) -> None:
    version, _ = world.register()
    world.approve(version)
    (port,) = free_ports(1)
    away = replace(world.neighbours, service=Service(f"http://127.0.0.1:{port}"))
    champion = world.neighbours.releases.read().champion
    assert kinds(reconcile(away, CONFIG, lambda: datetime.now(UTC), 1.0)) == [RecordApproval, LoadBeside]
    assert world.tags(version)["delivery"] == "shadow"
    assert world.neighbours.releases.read().champion == champion
    assert kinds(world.settle(version)) == [TryGolden, Promote]
