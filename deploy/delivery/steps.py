"""What delivery knows, and what it can do next: values without any decision (that is `planning.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from data_checks.verdict import Verdict
from deploy.delivery.causes import Cause, TakenBack
from deploy.release import Release, ServedVersion

Stage = Literal["shadow", "canary", "watch"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered version as far as delivery cares.

    `benchmark` is what the ledger says of the gate, None for a version that this installation did not register; `shown`
    is the tag of the registry, which decides nothing.
    `artifact` is where the object store keeps the artifact of `digest`, and `intact` says whether it does;
    `approved_digest` is the digest that an earlier look recorded the approval for; `overridden` says that an override
    is on record for this digest; `taken_back` is None unless that is the last thing that happened to the version.
    """

    version: str
    digest: str
    artifact: str
    approval: str
    benchmark: Literal["passed", "failed"] | None
    shown: str
    delivery: str
    overridden: bool
    approved_digest: str | None
    intact: bool
    taken_back: TakenBack | None = None


@dataclass(frozen=True, slots=True)
class ServiceView:
    """What the inference service says of itself: the release it follows, version -> digest loaded, slot -> trouble."""

    reachable: bool
    epoch: int = 0
    loaded: Mapping[str, str] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunningTrial:
    """A trial as it stands now.

    `version` is on trial; in the watch period that is the promoted champion. `elapsed_s` counts from the beginning of
    the stage. `verdict` is None where it cannot be judged at the moment, and `trouble` says why.
    """

    stage: Stage
    version: str
    elapsed_s: float
    verdict: Verdict | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the next step follows from.

    `candidates` is None while the registry is away: then nothing is known of approvals. `golden` holds the verdict of
    versions whose golden inputs were tried; `waited_s` is how long the shadow slot has held its version while the
    service was there. `comparable` says whether the version on trial makes the same pixels of an image as the one it
    is compared with.
    """

    candidates: Sequence[Candidate] | None
    release: Release
    service: ServiceView
    golden: Mapping[str, Verdict]
    trial: RunningTrial | None
    waited_s: float
    load_timeout_s: float
    comparable: bool = True


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
class BeginTrial:
    """Write down when the comparison with the champion begins: it outlives whoever began it."""

    version: ServedVersion
    champion: ServedVersion


@dataclass(frozen=True, slots=True)
class StartCanary:
    """Let it answer its share of the requests."""

    version: ServedVersion
    reason: str


@dataclass(frozen=True, slots=True)
class Promote:
    """Make it champion; the champion of now stays warm as `previous`."""

    version: ServedVersion
    reason: str


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Empty the slot of a version that is on trial, the canary's share with it."""

    version: str
    reason: str
    cause: Cause


@dataclass(frozen=True, slots=True)
class RollBack:
    """Make `previous` champion again; the promoted version leaves every slot."""

    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class Settle:
    """Write down that the promoted version came through its watch period."""

    version: str
    reason: str


Step = (
    Wait
    | Refuse
    | RecordApproval
    | LoadBeside
    | TryGolden
    | BeginTrial
    | StartCanary
    | Promote
    | TakeBack
    | RollBack
    | Settle
)
