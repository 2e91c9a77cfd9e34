"""One look of the controller: gather facts, let `plan_step` decide, apply the step, until there is nothing to do.

Applying a step again is harmless: ledger rows have unique keys, the release row moves by compare-and-swap, tags are set
to what they should be. So a controller that is killed anywhere continues at its next look.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from data_checks.verdict import Phase, Verdict
from deploy.controller.config import ControllerConfig
from deploy.controller.golden import try_golden
from deploy.controller.publish import mirror_aliases, publish_release
from deploy.controller.service import Service
from deploy.delivery.steps import (
    Candidate,
    LoadBeside,
    Promote,
    RecordApproval,
    Refuse,
    Step,
    TakeBack,
    TryGolden,
    Wait,
    plan_step,
)
from deploy.release import Release, ServedVersion
from deploy.stores.artifacts import artifact_prefix, fetch_golden, has_artifact
from deploy.stores.errors import StoreCorrupt, StoreRefused
from deploy.stores.ledger import Ledger
from deploy.stores.objects import ObjectStore
from deploy.stores.registry import RegisteredVersion, Registry
from deploy.stores.release import ReleaseStore

MAX_STEPS = 50  # of one look; a plan that never ends would be our own mistake

_log = logging.getLogger("latentloop.controller")


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Whom the controller reads and writes."""

    registry: Registry
    ledger: Ledger
    releases: ReleaseStore
    objects: ObjectStore
    service: Service
    signing_key: Ed25519PrivateKey


def reconcile(
    world: Neighbours, config: ControllerConfig, clock: Callable[[], datetime], clock_factor: float
) -> list[Step]:
    """Bring the world to where the approvals want it, as far as it goes now; returns the steps that were taken."""
    taken: list[Step] = []
    for _ in range(MAX_STEPS):
        release = world.releases.read()
        if publish_release(release, world.objects, world.signing_key):
            _log.info("published release %d", release.epoch)
        versions = world.registry.versions()
        now = clock()
        held_s = (now - release.changed_at).total_seconds() if release.changed_at else 0.0
        candidates = [_candidate(each, world) for each in versions]
        step = plan_step(
            candidates,
            release,
            world.service.view(),
            _golden_verdicts(world.ledger, release),
            held_s,
            config.load_timeout_s * clock_factor,
        )
        _catch_up_tags(world, release, versions)
        if isinstance(step, Wait):
            return taken
        _log.info("%s", step)
        _apply(step, release, world, config, now)
        taken.append(step)
    raise RuntimeError(f"delivery did not settle within {MAX_STEPS} steps; the last was {taken[-1]}")


def _candidate(version: RegisteredVersion, world: Neighbours) -> Candidate:
    approved = [json.loads(each.body)["digest"] for each in world.ledger.entries("approval", version.version, limit=1)]
    waiting = version.approval == "approved" and version.tags.get("delivery", "") not in {"promoted", "rolled_back"}
    return Candidate(
        version=version.version,
        digest=version.digest,
        artifact=artifact_prefix(version.digest),
        approval=version.approval,
        benchmark=version.tags.get("benchmark", ""),
        delivery=version.tags.get("delivery", ""),
        overridden=bool(world.ledger.entries("override", version.version, limit=1)),
        approved_digest=approved[0] if approved else None,
        intact=waiting and has_artifact(world.objects, artifact_prefix(version.digest), version.digest),
    )


def _golden_verdicts(ledger: Ledger, release: Release) -> dict[str, Verdict]:
    """Of the version in the shadow slot, since it entered the slot."""
    if release.shadow is None:
        return {}
    subject = f"{release.shadow.version}@{release.epoch}"
    found = ledger.entries("golden", subject, limit=1)
    return {release.shadow.version: Verdict.model_validate_json(found[0].body)} if found else {}


def _apply(step: Step, release: Release, world: Neighbours, config: ControllerConfig, now: datetime) -> None:
    match step:
        case Wait():
            return
        case Refuse(version, digest, reason):
            body = json.dumps({"digest": digest, "reason": reason})
            world.ledger.record(
                "approval-refused", version, body, now, key=f"approval-refused:{version}:{digest}:{reason}"
            )
            _settle(world.registry, version, "refused", reason)
        case RecordApproval(version, digest):
            body = json.dumps({"digest": digest, "how": "tag approval=approved, seen by reconciling"})
            world.ledger.record("approval", version, body, now, key=f"approval:{version}:{digest}")
        case LoadBeside(version):
            reason = f"version {version.version} was approved; loading it beside the champion"
            _swap(world, release, now, reason, shadow=version)
        case TryGolden(version):
            verdict = _golden_verdict(version, world, config)
            subject = f"{version.version}@{release.epoch}"
            world.ledger.record("golden", subject, verdict.model_dump_json(), now, key=f"golden:{subject}")
        case Promote(version, reason):
            _swap(world, release, now, reason, champion=version, previous=release.champion, shadow=None)
        case TakeBack(version, reason):
            _swap(world, release, now, f"version {version} taken back: {reason}", shadow=None)
            _settle(world.registry, version, "rolled_back", reason)
        case _:
            assert_never(step)


def _golden_verdict(version: ServedVersion, world: Neighbours, config: ControllerConfig) -> Verdict:
    """Try the golden inputs; what no later look would change is a failed verdict, or the slot stayed taken for ever."""
    try:
        return try_golden(
            world.service,
            version,
            fetch_golden(world.objects, version.artifact, version.digest),
            tolerance=config.golden_tolerance,
            warmup_requests=config.warmup_requests,
        )
    except (StoreCorrupt, StoreRefused) as error:
        reason = " ".join(f"golden inputs could not be tried: {error}".split())
        return Verdict(phase=Phase.failed, reason=reason[:2000])


def _swap(world: Neighbours, release: Release, now: datetime, reason: str, **slots: object) -> None:
    wanted = release.model_copy(update={**slots, "changed_at": now, "reason": reason})
    fresh = world.releases.compare_and_swap(release.epoch, wanted)
    publish_release(fresh, world.objects, world.signing_key)


def _settle(registry: Registry, version: str, delivery: str, reason: str) -> None:
    # the reason first: a version that is settled is not looked at again
    registry.set_tag(version, "delivery_reason", reason[:500])
    registry.set_tag(version, "delivery", delivery)


def _catch_up_tags(world: Neighbours, release: Release, versions: list[RegisteredVersion]) -> None:
    """Tags and aliases follow the row; a controller killed between the two mends them at its next look."""
    by_number = {each.version: each for each in versions}
    for slot, delivery in ((release.shadow, "shadow"), (release.champion, "promoted")):
        found = by_number.get(slot.version) if slot is not None else None
        if found is not None and found.tags.get("delivery") != delivery:
            _settle(world.registry, found.version, delivery, release.reason)
    if versions:
        mirror_aliases(release, world.registry)
