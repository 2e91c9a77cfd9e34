"""A registered version as delivery sees it: the registry's tags beside what the ledger knows of it."""

from __future__ import annotations

from datetime import datetime

from deploy.controller.mirroring import is_approved_again, is_mirrored
from deploy.delivery.causes import TakenBack
from deploy.delivery.history import Fate
from deploy.delivery.planning import APPROVED, SETTLED
from deploy.delivery.steps import Candidate
from deploy.record.approvals import APPROVAL, OVERRIDE, Decision, OverrideLine
from deploy.record.kind import Line
from deploy.record.registered import REGISTERED, RegisteredLine, read_registered
from deploy.record.taken_back import read_taken_back
from deploy.stores.mlflow.registry import RegisteredVersion
from deploy.stores.objects.artifacts import artifact_prefix, has_artifact
from deploy.stores.objects.port import ObjectStore
from deploy.stores.sql.ledger import Ledger


def read_candidate(version: RegisteredVersion, fate: Fate | None, ledger: Ledger, objects: ObjectStore) -> Candidate:
    """The candidate; whether its artifact is there is asked only for one that waits."""
    taken_back = read_taken_back(ledger, version.version, version.digest, fate)
    delivery = version.tags.get("delivery", "") if fate is None or is_mirrored(version, fate) else fate.delivery
    if is_approved_again(version, fate):
        delivery = ""
    waiting = version.approval == APPROVED and delivery not in SETTLED
    registered = read_registered(ledger, version.version, version.digest)
    return Candidate(
        version=version.version,
        digest=version.digest,
        artifact=artifact_prefix(version.digest),
        approval=version.approval,
        benchmark=registered.benchmark if registered is not None else None,
        shown=version.tags.get("benchmark", ""),
        delivery=delivery,
        overridden=_is_overridden(version, ledger),
        approved_digest=_approved_digest(version, taken_back, ledger),
        intact=waiting and has_artifact(objects, artifact_prefix(version.digest), version.digest),
        taken_back=taken_back,
    )


def record_approval(ledger: Ledger, candidate: Candidate, now: datetime) -> None:
    """Write down that a person approved this digest; once for each time that the version is tried."""
    after = candidate.taken_back.epoch if candidate.taken_back is not None else 0
    approval = Decision(digest=candidate.digest, how="tag approval=approved, seen by reconciling", after=after)
    key = f"approval:{candidate.version}:{candidate.digest}" + (f":{after}" if after else "")
    APPROVAL.write(ledger, candidate.version, approval, now, key=key)


def _approved_digest(version: RegisteredVersion, taken_back: TakenBack | None, ledger: Ledger) -> str | None:
    """The digest of the newest approval on record since the version was taken back, if it was.

    Another digest's is the sign of a tag that was changed, unless this one came into the number after it: as in a
    registry that was set up anew.
    """
    after = taken_back.epoch if taken_back is not None else 0
    line = APPROVAL.newest(ledger, version.version)
    if line is None or line.body.after < after:
        return None
    if line.body.digest != version.digest and _came_after(line.id, version, ledger):
        return None
    return line.body.digest


def _came_after(id: int, version: RegisteredVersion, ledger: Ledger) -> bool:
    """Whether this digest was registered, or overridden, under this number after that line."""
    registered = any(_is_after(each, id, version.digest) for each in REGISTERED.lines(ledger, version.version))
    return registered or any(_is_after(each, id, version.digest) for each in OVERRIDE.lines(ledger, version.version))


def _is_after(line: Line[RegisteredLine] | Line[OverrideLine], id: int, digest: str) -> bool:
    return line.id > id and line.body.digest == digest


def _is_overridden(version: RegisteredVersion, ledger: Ledger) -> bool:
    """An override counts for the digest that it was given for."""
    return any(each.body.digest == version.digest for each in OVERRIDE.lines(ledger, version.version))
