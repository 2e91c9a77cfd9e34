"""What happened during a training that somebody may have to act on; recorded, never acted on here."""

from __future__ import annotations

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


class CollapseSign(StrEnum):
    """By what a collapse was seen: the mean KL of a dimension, or how many dimensions are active."""

    kl_below = "kl_below"
    few_active = "few_active"


@dataclass(frozen=True, slots=True)
class Collapse:
    """What a recovery needs: the sign, the first step that had it, and at the end of the stretch value and limit.

    measured and limit are nats per dimension, or numbers of dimensions. A checkpoint of fewer than onset_step steps
    is of before a collapse seen by its KL; few active dimensions count from the end of the warm-up on, and may have
    been as few before.
    """

    sign: CollapseSign
    onset_step: int
    measured: float
    limit: float


@dataclass(frozen=True, slots=True)
class TrainEvent:
    """One event: its kind, the number of steps done when it was seen, one line for a person, and its facts.

    `collapse` is that of a suspected collapse, and None in those of releases that did not know it.
    """

    kind: EventKind
    step: int
    detail: str
    collapse: Collapse | None = None
