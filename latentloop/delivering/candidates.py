"""Candidates that did not come out of a training here: a folder registered by hand, an override on record."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from deploy.delivery.next_step import say_approve
from deploy.record.approvals import OVERRIDE, OverrideLine
from deploy.record.history import read_fates
from deploy.record.registered import RegisteredLine, read_registered, record_registered
from deploy.record.registries import note_registry
from deploy.record.rollback import who
from deploy.record.taken_back import read_taken_back
from deploy.shown_time import show_time
from deploy.stores.mlflow.registry import RegisteredVersion
from deploy.stores.objects.artifacts import artifact_prefix, put_artifact
from deploy.wiring import World
from latentloop.delivering.approving import find_version
from latentloop.errors import NothingToDo
from vae_core.artifact_files import DOCUMENT, WEIGHTS
from vae_core.sealed_folder import MANIFEST

if TYPE_CHECKING:
    from vae_core.artifact import Artifact

NOT_JUDGED = "not judged by the gate: registered by hand from a folder"


class Candidate(BaseModel):
    """A version that waits for a person; `known` says that this digest had been registered before."""

    model_config = ConfigDict(frozen=True)

    version: str
    url: str
    digest: str
    benchmark: str
    reason: str
    known: bool


class Override(BaseModel):
    """A recorded decision against the gate, or against a lost trial; it counts for the digest.

    `epoch`: the release that had taken the version back, 0 where none had.
    """

    model_config = ConfigDict(frozen=True)

    version: str
    digest: str
    reason: str
    who: str
    epoch: int

    @property
    def line(self) -> OverrideLine:
        """As it is recorded about the version."""
        return OverrideLine(digest=self.digest, reason=self.reason, who=self.who, epoch=self.epoch)


def register_folder(world: World, folder: Path) -> Candidate:
    """Register an artifact folder as a version with `benchmark=failed`; the same digest is never registered twice.

    ArtifactError, one line, for a folder that is no artifact: every digest is checked and nothing is unpickled.
    NothingToDo, before anything is loaded, where there is none.
    """
    _require_version(folder)
    from vae_core.artifact import read_artifact

    artifact = read_artifact(folder, expected_digest=None)
    registry = world.registry
    registry.ensure_model()
    note_registry(world.ledger, registry, datetime.now(UTC))
    found = next((each for each in registry.versions() if each.digest == artifact.digest), None)
    known = found is not None
    version = found or _register(world, folder, artifact)
    return Candidate(
        version=version.version,
        url=registry.version_url(version.version),
        digest=artifact.digest,
        benchmark=version.tags.get("benchmark", ""),
        reason=version.tags.get("reason", ""),
        known=known,
    )


def override_version(world: World, version: str, reason: str) -> Override:
    """Let a version be approved that its gate, or its trial, was against; on record.

    A refusal of it is taken off, to be judged again.
    """
    if not reason.strip():
        raise NothingToDo("--reason is empty: an override goes on record with its reason; say why")
    registry, ledger = world.registry, world.ledger
    found = find_version(registry, registry.versions(), version)
    if not found.digest:
        raise NothingToDo(f"version {version} has no tag model_digest: an override counts for a digest; register again")
    taken_back = read_taken_back(ledger, version, found.digest, read_fates(ledger).get(found.digest))
    lost = taken_back is not None and taken_back.cause.needs_override
    registered = read_registered(ledger, version, found.digest)
    if registered is not None and registered.benchmark == "passed" and not lost:
        raise NothingToDo(f"version {version} passed its gate: it needs no override, only {say_approve(version)}")
    override = Override(
        version=version,
        digest=found.digest,
        reason=reason.strip(),
        who=who(),
        epoch=taken_back.epoch if taken_back is not None else 0,
    )
    once = hashlib.sha256(override.reason.encode()).hexdigest()[:16]
    after = f":{override.epoch}" if override.epoch else ""
    key = f"{OVERRIDE.name}:{version}:{found.digest}:{once}{after}"
    OVERRIDE.write(ledger, version, override.line, datetime.now(UTC), key=key)
    if found.tags.get("delivery") == "refused":
        registry.set_tag(version, "delivery", "")
    return override


def _require_version(folder: Path) -> None:
    if not folder.is_dir():
        raise NothingToDo(f"{folder}: no such folder: expected one that holds a version")
    if not (folder / MANIFEST).exists():
        raise NothingToDo(
            f"{folder}: holds no version: expected {MANIFEST}, {DOCUMENT}, {WEIGHTS} as `latentloop` writes them"
        )


def _register(world: World, folder: Path, artifact: Artifact) -> RegisteredVersion:
    """Object store, run, model, version: each is found again when this is repeated."""
    trigger = f"registered-by-hand-{artifact.digest}"
    registry, now = world.registry, datetime.now(UTC)
    champion = world.releases.read().champion
    put_artifact(world.objects, folder, artifact_prefix(artifact.digest))
    run_id = registry.ensure_run(
        trigger,
        f"by hand {show_time(now, world.settings.timezone, seconds=False)}",
        {"folder": folder.name, "who": who()},
    )
    version = registry.create_version(
        model_uri=registry.log_model(run_id, folder, artifact.model_config.shape),
        run_id=run_id,
        trigger=trigger,
        tags={
            "tier": "by-hand",
            "dataset_version": artifact.summary.dataset_version,
            "code_version": package_version("latentloop"),
            "model_digest": artifact.digest,
            "parent_version": champion.version if champion else "",
            "benchmark": "failed",
            "reason": NOT_JUDGED,
            "snapshot": "",
            "delivery": "",
        },
        description=_card(folder, artifact),
    )
    registry.finish_run(run_id)
    line = RegisteredLine(digest=artifact.digest, benchmark="failed", reason=NOT_JUDGED, who=who())
    record_registered(world.ledger, version.version, line, trigger, now)
    return version


def _card(folder: Path, artifact: Artifact) -> str:
    parts = [name for name in ("prior", "reference", "golden") if getattr(artifact, name) is not None]
    return (
        f"## Not judged by the gate\n\nRegistered by hand from the folder `{folder.name}` by {who()}. "
        f"It holds weights{''.join(f', {part}' for part in parts)}; trained for {artifact.summary.steps:,} steps on "
        f"catalogue version {artifact.summary.dataset_version}.\n\n"
        "Approving it needs an override: `latentloop override VERSION --reason TEXT`, then "
        "`latentloop approve VERSION`, or the tag `approval` = `approved`. The digest is "
        f"`{artifact.digest}`."
    )
