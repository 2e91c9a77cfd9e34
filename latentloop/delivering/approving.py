"""What the commands `approve` and `reject` do: the tag that a click in MLflow sets, on record with who and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from deploy.controller.candidates import read_candidate
from deploy.controller.mirroring import is_mirrored, mirror_fates
from deploy.delivery.history import Fate
from deploy.delivery.next_step import say_only_one
from deploy.delivery.planning import SETTLED, find_objection, find_waiting
from deploy.delivery.steps import Candidate
from deploy.record.approvals import APPROVAL, REJECTION, Decision
from deploy.record.history import read_fates
from deploy.record.kind import Kind
from deploy.record.rollback import who
from deploy.release import Release
from deploy.settings import Settings
from deploy.stores.mlflow.registry import APPROVED, PENDING, REJECTED, RegisteredVersion, Registry
from deploy.stores.objects.artifacts import has_artifact
from deploy.stores.objects.port import ObjectStore
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import World
from latentloop.errors import NothingToDo

NAMED = 20  # versions that a refusal lists
QUIET_LOOKS = 4  # looks that a busy controller may be late
QUIET = timedelta(seconds=60)
NO_REASON = "no reason was given"


class Decided(BaseModel):
    """What a person said of a version, what was said before, and what happens next."""

    model_config = ConfigDict(frozen=True)

    version: str
    digest: str
    approval: str
    before: str
    reason: str
    who: str
    next: str


@dataclass(frozen=True, slots=True)
class _Desk:
    """What is known at the moment of the decision."""

    settings: Settings
    registry: Registry
    ledger: Ledger
    objects: ObjectStore
    versions: list[RegisteredVersion]
    release: Release
    fates: Mapping[str, Fate]


def approve_version(world: World, version: str, reason: str) -> Decided:
    """Set `approval` to `approved`; a version that came off its way before is tried again.

    NothingToDo, which says what to do, for what the controller would refuse or what stands in the traffic already.
    """
    desk = _open(world)
    found = find_version(desk.registry, desk.versions, version)
    _refuse_what_is_tried(desk.release, found)
    fate = desk.fates.get(found.digest)
    if fate is not None and not is_mirrored(found, fate):  # or the end of the last approval would end this one
        mirror_fates(desk.registry, [found], desk.fates, desk.ledger, desk.release)
        found = desk.registry.version(version)
    candidate = _as_approved(desk, found)
    if (objection := find_objection(candidate, desk.release) or _rival(desk, candidate)) is not None:
        raise NothingToDo(f"version {version} cannot be approved: {objection}")
    after = candidate.taken_back.epoch if candidate.taken_back is not None else 0
    decided = _decide(desk, found, APPROVED, reason, _what_comes(desk, candidate))
    _record(desk, APPROVAL, decided, after)
    if found.tags.get("delivery") in SETTLED:
        desk.registry.set_tag(version, "delivery", "")
    desk.registry.set_tag(version, "approval", APPROVED)
    return decided


def reject_version(world: World, version: str, reason: str) -> Decided:
    """Set `approval` to `rejected`; what is on trial is taken back.

    NothingToDo for the version that serves: another command takes that back.
    """
    desk = _open(world)
    found = find_version(desk.registry, desk.versions, version)
    slot = _slot(desk.release, found)
    if slot == "champion":
        back = "`latentloop rollback --reason TEXT` makes the version before it serve again"
        instead = back if desk.release.previous is not None else say_only_one()
        raise NothingToDo(f"version {version} serves, and rejecting takes nothing out of the traffic: {instead}")
    decided = _decide(desk, found, REJECTED, reason, _what_ends(desk, slot))
    _record(desk, REJECTION, decided, 0)
    desk.registry.set_tag(version, "approval", REJECTED)
    return decided


def print_decided(decided: Decided) -> None:
    """What was said, what had been said before, and what happens next."""
    why = "" if decided.reason == NO_REASON else f": {decided.reason}"
    print(f"version {decided.version} ({decided.digest[:12]}) is {decided.approval}{why}")
    if decided.before:
        print(f"before: {decided.before}")
    print(decided.next)


def find_version(registry: Registry, versions: list[RegisteredVersion], version: str) -> RegisteredVersion:
    """The registered version of this number; NothingToDo, with those that exist, for any other word."""
    known = {each.version: each for each in versions}
    if version in known:
        return known[version]
    newest = sorted(known, key=int)[-NAMED:]
    more = f" and {len(known) - len(newest)} older ones" if len(known) > len(newest) else ""
    raise NothingToDo(
        f"version {version} of {registry.product} is not registered; registered are {', '.join(newest) or 'none'}{more}"
    )


def _open(world: World) -> _Desk:
    return _Desk(
        settings=world.settings,
        registry=world.registry,
        ledger=world.ledger,
        objects=world.objects,
        versions=world.registry.versions(),
        release=world.releases.read(),
        fates=read_fates(world.ledger),
    )


def _as_approved(desk: _Desk, found: RegisteredVersion) -> Candidate:
    """The candidate as the controller will see it: this approval is for the digest of now."""
    candidate = read_candidate(found, desk.fates.get(found.digest), desk.ledger, desk.objects)
    intact = has_artifact(desk.objects, candidate.artifact, candidate.digest)
    return replace(candidate, approval=APPROVED, approved_digest=candidate.digest, delivery="", intact=intact)


def _slot(release: Release, found: RegisteredVersion) -> str | None:
    slots = ("champion", "canary", "shadow", "previous")
    return next((each for each in slots if (held := getattr(release, each)) and held.digest == found.digest), None)


def _refuse_what_is_tried(release: Release, found: RegisteredVersion) -> None:
    match _slot(release, found):
        case "champion":
            raise NothingToDo(f"version {found.version} serves already: nothing is left to approve")
        case "canary" | "shadow" as slot:
            raise NothingToDo(
                f"version {found.version} was approved and is on trial ({slot}): `latentloop status` shows how it "
                "stands"
            )


def _rival(desk: _Desk, candidate: Candidate) -> str | None:
    """The newer version that keeps an older one from being tried, or None."""
    others = [read_candidate(each, desk.fates.get(each.digest), desk.ledger, desk.objects) for each in desk.versions]
    on_trial = desk.release.canary or desk.release.shadow
    rivals = [each.version for each in find_waiting(others, desk.release)] + ([on_trial.version] if on_trial else [])
    newer = [each for each in rivals if int(each) > int(candidate.version)]
    if not newer:
        return None
    return (
        f"version {newer[0]} is newer and approved as well: wait until it is settled (`latentloop status`), or "
        f"`latentloop reject {newer[0]}` first"
    )


def _decide(desk: _Desk, found: RegisteredVersion, approval: str, reason: str, then: str) -> Decided:
    return Decided(
        version=found.version,
        digest=found.digest,
        approval=approval,
        before=_before(found, desk.fates.get(found.digest)),
        reason=reason.strip() or NO_REASON,
        who=who(),
        next=then,
    )


def _before(found: RegisteredVersion, fate: Fate | None) -> str:
    """What was said of the version, or became of it, until now."""
    said = found.tags.get("approval_by", "")
    told = [f"{found.approval}{f' by {said}' if said else ''}"] if found.approval != PENDING else []
    if fate is not None and fate.delivery == "rolled_back":
        told.append(fate.reason)
    elif found.tags.get("delivery") == "refused":
        told.append(f"refused: {found.tags.get('delivery_reason', '')}")
    return "; ".join(told)


def _record(desk: _Desk, kind: Kind[Decision], decided: Decided, after: int) -> None:
    """The line first: a decision on record that was not carried out harms nobody, the reverse is nobody's."""
    how = f"latentloop {'approve' if kind is APPROVAL else 'reject'}"
    decision = Decision(
        digest=decided.digest,
        how=how,
        who=decided.who,
        reason=f"{decided.reason} ({how}, {decided.who})",
        after=after,
    )
    kind.write(desk.ledger, decided.version, decision, datetime.now(UTC))
    desk.registry.set_tag(decided.version, "approval_by", f"{decided.who}: {decided.reason}")


def _what_comes(desk: _Desk, candidate: Candidate) -> str:
    if (asleep := _no_controller(desk)) is not None:
        return asleep
    again = "again " if candidate.taken_back is not None else ""
    canary = desk.release.canary
    if canary is not None:
        return f"version {canary.version} is canary: this one is tried {again}after it; `latentloop status` shows it"
    serves = "tries it against the champion" if desk.release.champion else "lets it serve if its golden inputs agree"
    return f"the controller loads it {again}within {_pause(desk)} and {serves}; `latentloop status` shows it"


def _what_ends(desk: _Desk, slot: str | None) -> str:
    if slot in ("canary", "shadow"):
        return (
            _no_controller(desk) or f"the controller takes it back within {_pause(desk)}; `latentloop status` shows it"
        )
    if slot == "previous":
        return "it stays ready as the version that a rollback goes back to"
    return "it does not serve, and is not tried unless it is approved"


def _pause(desk: _Desk) -> str:
    return f"{desk.settings.controller.compressed(desk.settings.clock_factor).reconcile_s:.3g} s"


def _no_controller(desk: _Desk) -> str | None:
    """What to do where nobody looks; None while a controller gives signs of life."""
    beat, pause_s = desk.ledger.last_beat("controller"), desk.settings.controller.reconcile_s
    if beat is not None and datetime.now(UTC) - beat.at < max(QUIET, timedelta(seconds=QUIET_LOOKS * pause_s)):
        return None
    return "no controller gives a sign of life: `latentloop up` starts it, or `latentloop deliver` takes the next steps"
