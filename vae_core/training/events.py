"""What happened during a training that somebody may have to act on; recorded, never acted on here."""

from dataclasses import dataclass
from enum import StrEnum


class StopReason(StrEnum):
    """Why a training ended."""

    budget_used = "budget_used"
    no_improvement = "no_improvement"


class EventKind(StrEnum):
    """The closed list of events."""

    resumed = "resumed"
    checkpoint_damaged = "checkpoint_damaged"
    collapse_suspected = "collapse_suspected"
    stopped_early = "stopped_early"


@dataclass(frozen=True, slots=True)
class TrainEvent:
    """One event: its kind, the number of steps done when it was seen, and one line for a person."""

    kind: EventKind
    step: int
    detail: str
