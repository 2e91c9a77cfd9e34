"""Why a version was taken back, as far as it matters to whoever approves it again.

An approval says: try it. What was not the model's fault (it could not be loaded, a process crashed, nobody could tell)
is tried again when a person approves again; what was shown to be worse needs an override with a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from data_checks.verdict import Evidence, Verdict

QUALITY = frozenset({"recon_error_change", "recon_error_change_newest", "recon_error_tail_excess", "frechet_change"})
TECHNICAL = frozenset({"failure_share", "canary_failure_share", "latency_p99"})
TIME_OVER = "trial_time"  # the evidence of a trial that ended because nothing was shown in its longest time


class Cause(StrEnum):
    """What ended a version's way: `unknown` where the record says no more than that it ended."""

    technical = "technical"
    quality = "quality"
    undecided = "undecided"
    withdrawn = "withdrawn"
    by_hand = "by hand"
    unknown = "unknown"

    @property
    def needs_override(self) -> bool:
        """Whether another approval alone must not bring the version back; what nobody knows counts as the worst."""
        return self in (Cause.quality, Cause.unknown)


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The last thing that happened to a version: by which release, for what cause, in which words.

    `overridden`: an override of this digest was recorded after it.
    """

    epoch: int
    cause: Cause
    reason: str
    overridden: bool = False

    @property
    def stays_away(self) -> bool:
        """Whether an approval of the version must not count."""
        return self.cause.needs_override and not self.overridden


def find_cause(verdict: Verdict) -> Cause:
    """The cause of a failed trial: what was shown to be worse weighs more than what failed beside it."""
    if any(each.name == TIME_OVER for each in verdict.evidence):
        return Cause.undecided
    beyond = {each.name for each in verdict.evidence if _is_beyond(each)}
    if beyond & QUALITY:
        return Cause.quality
    return Cause.technical if beyond & TECHNICAL else Cause.unknown


def _is_beyond(evidence: Evidence) -> bool:
    """Beyond its limit: by its interval, once it has one. Lower is better for all of them."""
    if evidence.limit is None:
        return False
    return (evidence.value if evidence.low is None else evidence.low) > evidence.limit
