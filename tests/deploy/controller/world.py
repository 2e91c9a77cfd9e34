"""What the controller's tests share: real stores in a folder, and the traffic of a trial as rows in them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from deploy.controller.neighbours import Neighbours
from deploy.controller.service import Service
from deploy.controller.trials import Standing
from deploy.delivery.trial_policy import DeliveryPolicy
from deploy.release import Release, ServedVersion
from deploy.stores.mlflow.registry import Registry
from deploy.stores.objects.artifacts import artifact_prefix, put_artifact
from deploy.stores.orchestrator import Orchestrator
from deploy.stores.sql.ledger import Ledger
from deploy.stores.sql.pairs import PairRow, Pairs
from deploy.stores.sql.release import ReleaseStore
from deploy.stores.sql.telemetry import RequestRow, Telemetry
from tests.deploy.serving.house import House, tiny_artifact
from tests.servers import free_ports
from vae_core.artifact import write_artifact
from vae_core.reference import Reference

# the stages take as long as their numbers need, and no test waits for a clock
POLICY = DeliveryPolicy(canary_min_s=0, watch_s=0)
PAIRS = 3_000


def nowhere() -> str:
    """A URL where nobody listens."""
    return f"http://127.0.0.1:{free_ports(1)[0]}"


def neighbours(house: House, **changes: Any) -> Neighbours:
    """The stores of the house; every server that is not given is away."""
    found: dict[str, Any] = {
        "ledger": Ledger(house.engine),
        "releases": ReleaseStore(house.engine),
        "objects": house.objects,
        "telemetry": house.telemetry,
        "pairs": Pairs(house.engine),
        "signing_key": house.keys.private,
        **changes,
    }
    found.setdefault("registry", Registry(nowhere(), "nobody"))
    found.setdefault("orchestrator", Orchestrator(f"{nowhere()}/api"))
    found.setdefault("service", Service(nowhere()))
    return Neighbours(**found)


def close(world: Neighbours) -> None:
    """Close the connections that a controller keeps until it ends."""
    world.service._client.close()
    world.orchestrator.close()


def champion_of(world: Neighbours) -> ServedVersion:
    """What serves."""
    champion = world.releases.read().champion
    assert champion is not None
    return champion


def swap(releases: ReleaseStore, reason: str = "test", **slots: Any) -> Release:
    """Change some slots of the release."""
    release = releases.read()
    wanted = release.model_copy(update={**slots, "changed_at": datetime.now(UTC), "reason": reason})
    return releases.compare_and_swap(release.epoch, wanted)


def write_pairs(pairs: Pairs, standing: Standing, ratio: float, count: int = PAIRS, failures: int = 0) -> None:
    """The same images through both versions: the candidate's error is `ratio` times the champion's, with noise."""
    random = np.random.default_rng(7)
    champion = random.lognormal(np.log(0.01), 0.5, count)
    candidate = ratio * champion * random.lognormal(0, 0.05, count)
    at = datetime.now(UTC)
    pairs.write(
        [
            PairRow(
                at=at + timedelta(microseconds=index),
                request_id=f"request-{index}",
                replica="test",
                champion=standing.champion.version,
                candidate=standing.candidate.version,
                answered_by=standing.champion.version,
                champion_error=float(champion[index]),
                candidate_error=None if index < failures else float(candidate[index]),
                candidate_ms=1.0,
                failure="it raised" if index < failures else None,
            )
            for index in range(count)
        ]
    )


def reference_like_traffic(count: int = 2_000) -> Reference:
    """What a version was accepted on, drawn as `Traffic.answer` draws."""
    random = np.random.default_rng(11)
    mu = random.normal(0, 1, (count, 4)).astype(np.float16)
    columns = {
        "recon_error": random.lognormal(-4, 0.3, count),
        "kl": random.lognormal(2, 0.2, count),
        "norm": np.linalg.norm(mu.astype(np.float64), axis=1),
        "image_mean": random.normal(0.3, 0.05, count),
        "image_variance": random.lognormal(-3, 0.2, count),
        "image_entropy": random.normal(2.5, 0.3, count),
        "histogram": np.full(16, 1 / 16),
    }
    logvar = random.normal(-2, 0.1, (count, 4)).astype(np.float16)
    numbers = {name: each.astype(np.float32) for name, each in columns.items()}
    return Reference(mu=mu, own={"logvar": logvar, "kl": numbers.pop("kl")}, **numbers)


def add_version(house: House, version: str, seed: int, reference: int = 2_000) -> ServedVersion:
    """Put a version into the object store whose reference of so many images looks like the traffic."""
    folder = house.root / "built" / version
    digest = write_artifact(folder, replace(tiny_artifact(seed), reference=reference_like_traffic(reference)))
    put_artifact(house.objects, folder, artifact_prefix(digest))
    return ServedVersion(version=version, digest=digest, artifact=artifact_prefix(digest))


@dataclass(frozen=True)
class Traffic:
    """Rows of requests, as a replica writes them."""

    telemetry: Telemetry

    def answer(self, version: str, count: int, *, shift: float = 0.0, seed: int = 0, latency_ms: float = 8.0) -> None:
        """Answered requests with codes of 4 dimensions, N(shift, 1)."""
        random, at = np.random.default_rng(seed), datetime.now(UTC)
        self.telemetry.write([self._row(at, index, version, random, shift, latency_ms) for index in range(count)])

    def refuse(self, version: str, count: int, reason: str) -> None:
        """Refused requests that the version would have answered."""
        empty = dict.fromkeys(
            (
                "recon_error",
                "mu",
                "norm",
                "image_mean",
                "image_variance",
                "image_entropy",
                "image_digest",
                "histogram",
            )
        )
        at, random = datetime.now(UTC), np.random.default_rng(0)
        rows = [self._row(at, index, version, random, 0.0, 1.0) for index in range(count)]
        self.telemetry.write([replace(row, refusal=reason, own={}, **empty) for row in rows])

    def _row(
        self, at: datetime, index: int, version: str, random: np.random.Generator, shift: float, latency_ms: float
    ) -> RequestRow:
        mu = random.normal(shift, 1, 4).astype(np.float16)
        error, kl = float(random.lognormal(-4, 0.3)), float(random.lognormal(2, 0.2))
        return RequestRow(
            at=at + timedelta(microseconds=index),
            request_id=f"{version}-{at.timestamp()}-{index}",
            replica="test",
            route="/v1/score",
            version=version,
            refusal=None,
            recon_error=error,
            mu=mu,
            own={"logvar": random.normal(-2, 0.1, 4).astype(np.float16), "kl": kl},
            norm=float(np.linalg.norm(mu.astype(np.float64))),
            image_mean=float(random.normal(0.3, 0.05)),
            image_variance=float(random.lognormal(-3, 0.2)),
            image_entropy=float(random.normal(2.5, 0.3)),
            image_digest=int(random.integers(1, 2**62)),
            histogram=np.full(16, 1 / 16, dtype=np.float16),
            latency_ms=latency_ms,
        )
