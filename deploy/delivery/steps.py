"""How an approved version reaches the traffic: the next step as a value.

Pure and level-triggered: the same facts give the same step, so a controller that was killed continues where the world
stands, not where its memory stood. A version is first loaded beside the champion (answering nobody), then answers the
golden inputs through the real service, and only then becomes champion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from data_checks.verdict import Phase, Verdict
from deploy.release import Release, ServedVersion

APPROVED = "approved"
SETTLED = frozenset({"promoted", "rolled_back", "refused"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered version as far as delivery cares.

    `artifact` is where the object store keeps the artifact of `digest`, and `intact` says whether it does;
    `approved_digest` is the digest that an earlier look recorded the approval for.
    """

    version: str
    digest: str
    artifact: str
    approval: str
    benchmark: str
    delivery: str
    overridden: bool
    approved_digest: str | None
    intact: bool


@dataclass(frozen=True, slots=True)
class ServiceView:
    """What the inference service says of itself: the release it follows, version -> digest loaded, slot -> trouble."""

    reachable: bool
    epoch: int = 0
    loaded: Mapping[str, str] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until the world changes."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The approval cannot count; the reason goes on record and onto the version."""

    version: str
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class RecordApproval:
    """Write down that a person approved this digest."""

    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class LoadBeside:
    """Put the version into the shadow slot, so that the service loads and warms it."""

    version: ServedVersion


@dataclass(frozen=True, slots=True)
class TryGolden:
    """Send the golden inputs through the real service."""

    version: ServedVersion


@dataclass(frozen=True, slots=True)
class Promote:
    """Make it champion; the champion of now stays warm as `previous`."""

    version: ServedVersion
    reason: str


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Empty the shadow slot again."""

    version: str
    reason: str


Step = Wait | Refuse | RecordApproval | LoadBeside | TryGolden | Promote | TakeBack


def plan_step(
    candidates: Sequence[Candidate],
    release: Release,
    service: ServiceView,
    golden: Mapping[str, Verdict],
    waited_s: float,
    load_timeout_s: float,
) -> Step:
    """The next step of delivery.

    `golden` holds the verdict of versions whose golden inputs were tried; `waited_s` is how long the shadow slot has
    held its version.
    """
    in_flight = release.shadow
    if in_flight is not None:
        return _continue(in_flight, candidates, service, golden, waited_s, load_timeout_s)
    serves = release.champion.version if release.champion is not None else None
    waiting = sorted(
        (
            each
            for each in candidates
            # the release row is the truth: the tag of a version that was just promoted may lag behind
            if each.approval == APPROVED and each.delivery not in SETTLED and each.version != serves
        ),
        key=lambda each: int(each.version),
    )
    if not waiting:
        return Wait("no approved version is waiting")
    *older, newest = waiting
    if older:
        return Refuse(
            older[0].version, older[0].digest, f"superseded: version {newest.version} is newer and approved as well"
        )
    if (reason := _objection(newest)) is not None:
        return Refuse(newest.version, newest.digest, reason)
    if newest.approved_digest is None:
        return RecordApproval(newest.version, newest.digest)
    return LoadBeside(_served(newest))


def _continue(
    served: ServedVersion,
    candidates: Sequence[Candidate],
    service: ServiceView,
    golden: Mapping[str, Verdict],
    waited_s: float,
    load_timeout_s: float,
) -> Step:
    candidate = next((each for each in candidates if each.version == served.version), None)
    if candidate is None or candidate.approval != APPROVED:
        return TakeBack(served.version, "the approval was withdrawn before the version served")
    if candidate.digest != served.digest:
        return TakeBack(
            served.version, f"digest changed after the approval: approved {served.digest}, now {candidate.digest}"
        )
    if not service.reachable:
        return Wait("the service does not answer")
    if service.loaded.get(served.version) != served.digest:
        # a store that is away for a moment is a trouble too: only what lasts is held against the version
        trouble = service.troubles.get("shadow", "no trouble is reported")
        if waited_s > load_timeout_s:
            return TakeBack(
                served.version,
                f"not loaded by the service after {waited_s:.0f} s, expected {load_timeout_s:.0f} s at most: {trouble}",
            )
        return Wait(f"the service is loading version {served.version}: {trouble}")
    verdict = golden.get(served.version)
    if verdict is None:
        return TryGolden(served)
    if verdict.phase is not Phase.passed:
        return TakeBack(served.version, verdict.reason)
    return Promote(served, verdict.reason)


def _objection(candidate: Candidate) -> str | None:
    """Why an approval of this version must not count, or None."""
    if candidate.approved_digest is not None and candidate.approved_digest != candidate.digest:
        return f"digest changed after the approval: approved {candidate.approved_digest}, now {candidate.digest}"
    if candidate.benchmark != "passed" and not candidate.overridden:
        return f"benchmark={candidate.benchmark or 'missing'} and no override is recorded: expected benchmark=passed"
    if not candidate.intact:
        return f"the object store holds no artifact {candidate.digest or '(tag model_digest is missing)'}"
    return None


def _served(candidate: Candidate) -> ServedVersion:
    return ServedVersion(version=candidate.version, digest=candidate.digest, artifact=candidate.artifact)
