"""A controller among real neighbours: MLflow, a service process, objects in a folder, ledger in SQLite."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.controller.config import ControllerConfig
from deploy.controller.neighbours import Neighbours
from deploy.controller.reconcile import Look, Reconciler
from deploy.controller.trials import Standing
from deploy.delivery.steps import BeginTrial, LoadBeside, Promote, RecordApproval, Settle, StartCanary, Step, TryGolden
from deploy.record.registered import RegisteredLine, record_registered
from deploy.record.trials import FRECHET, MeasuredChange
from deploy.release import ServedVersion
from deploy.stores.mlflow.registry import APPROVED, Registry
from deploy.stores.objects.artifacts import artifact_prefix, put_artifact
from deploy.stores.objects.release_file import RELEASE_KEY
from tests.deploy.controller.world import POLICY, Traffic, swap, write_pairs
from tests.deploy.serving.house import House, tiny_artifact, wait_until
from vae_core.artifact import Artifact, write_artifact

MARKS = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]


CONFIG = ControllerConfig(warmup_requests=2)
TOLERANCE = 0.01  # the replica of these tests trusts any answer: the controller has something to find
TRIED = [RecordApproval, LoadBeside, TryGolden, BeginTrial, StartCanary, Promote]


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

    def register(
        self, artifact: Artifact | None = None, *, stored: bool = True, recorded: bool = True, **tags: str
    ) -> tuple[str, str]:
        """Register a version as a training does; returns its number and its digest.

        Without `recorded`: as somebody does who only knows the registry.
        """
        self.seed += 1
        folder = self.house.root / "built" / uuid.uuid4().hex
        digest = write_artifact(folder, artifact or tiny_artifact(self.seed))
        if stored:
            put_artifact(self.neighbours.objects, folder, artifact_prefix(digest))
        version = self.registry.create_version(
            model_uri=self.model_uri,
            run_id=self.run_id,
            trigger=(trigger := uuid.uuid4().hex),
            tags=(told := {"model_digest": digest, "benchmark": "passed", **tags}),
            description="a version",
        )
        if recorded:
            line = RegisteredLine(digest=told["model_digest"], benchmark=told["benchmark"], reason="as it was judged")
            record_registered(self.neighbours.ledger, version.version, line, trigger, datetime.now(UTC))
        return version.version, digest

    def approve(self, version: str) -> None:
        """Edit the tag as a person does in the MLflow UI."""
        self.registry.set_tag(version, "approval", APPROVED)

    def look(self, **changes: Any) -> list[Step]:
        return list(self.see(**changes).taken)

    def see(self, **changes: Any) -> Look:
        """One look of a controller that has just been started; what troubled it is raised afterwards."""
        world = replace(self.neighbours, **changes)
        look = Reconciler(world, CONFIG, POLICY, lambda: datetime.now(UTC), golden_tolerance=TOLERANCE).look()
        if look.trouble is not None:
            raise look.trouble
        return look

    def settle(self, version: str, *, ratio: float = 0.9) -> list[Step]:
        """Look until the version is settled; the service loads in between, and requests come.

        On the same images its error is `ratio` times the champion's.
        """
        taken: list[Step] = []
        fed: set[str] = set()

        def is_settled() -> bool:
            look = self.see()
            taken.extend(look.taken)
            stage = f"{look.standing.subject}:{look.standing.stage}" if look.standing is not None else ""
            if look.standing is not None and look.standing.stage != "watch" and stage not in fed:
                fed.add(stage)
                self.feed(look.standing, ratio)
            return self.tags(version).get("delivery") in {"promoted", "refused", "rolled_back"}

        wait_until(is_settled, f"version {version} settled")
        return taken

    def feed(self, standing: Standing, ratio: float) -> None:
        """The traffic that a stage wants, and what the `deliver` flow measures for a canary."""
        write_pairs(self.neighbours.pairs, standing, ratio)
        if standing.stage == "canary":
            for served in (standing.champion, standing.candidate):
                Traffic(self.neighbours.telemetry).answer(served.version, 300)
            change = MeasuredChange(value=ratio - 1, low=ratio - 1.01, high=ratio - 0.99, n=1_000)
            FRECHET.write(self.neighbours.ledger, standing.subject, change, datetime.now(UTC))

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


def end_watch(world: World) -> None:
    """Let the watch period of the newest promotion pass, if one runs."""
    standing = world.see().standing
    if standing is not None:
        assert standing.stage == "watch"
        write_pairs(world.neighbours.pairs, standing, 1.1)
        assert kinds(world.look()) == [Settle]


def serving(world: World) -> tuple[str, str]:
    """Champion and previous of a promotion just now, and nobody on trial: the champion is watched."""
    numbers = [world.register() for _ in range(2)]
    previous, champion = (
        ServedVersion(version=version, digest=digest, artifact=artifact_prefix(digest)) for version, digest in numbers
    )
    empty: dict[str, Any] = {"shadow": None, "canary": None, "canary_share": 0.0}
    swap(world.neighbours.releases, champion=previous, previous=None, **empty)
    swap(world.neighbours.releases, champion=champion, previous=previous, **empty)
    for served in (previous, champion):
        world.approve(served.version)
    assert world.look() == []
    return champion.version, previous.version


def start_canary(world: World, version: str) -> Standing:
    """Look until the version is canary."""

    def is_canary() -> bool:
        standing = world.see().standing
        if standing is not None and standing.stage == "shadow":
            world.feed(standing, 0.9)
        return standing is not None and standing.stage == "canary"

    wait_until(is_canary, f"version {version} is canary")
    standing = world.see().standing
    assert standing is not None and standing.candidate.version == version
    return standing


def kinds(steps: list[Step]) -> list[type]:
    return [type(each) for each in steps]
