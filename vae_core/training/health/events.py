"""What happened during a training that somebody may have to act on, and what `recovery` did about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StopReason(StrEnum):
    """Why a training ended."""

    budget_used = "budget_used"
    no_improvement = "no_improvement"
    recovering = "recovering"
    """Given up for another attempt; never of what `train_with_recovery` hands over."""


class EventKind(StrEnum):
    """The closed list of events."""

    resumed = "resumed"
    checkpoint_damaged = "checkpoint_damaged"
    collapse_suspected = "collapse_suspected"
    codes_unused = "codes_unused"
    stopped_early = "stopped_early"
    restarted = "restarted"
    architecture_at_risk = "architecture_at_risk"
    fell_back = "fell_back"
    weights_kept = "weights_kept"
    """Though in doubt: nothing better was there to fall back to, or they pass the benchmark themselves."""


class CollapseSign(StrEnum):
    """By what a collapse was seen: the mean KL of a dimension, or how many dimensions are active."""

    kl_below = "kl_below"
    few_active = "few_active"


@dataclass(frozen=True, slots=True)
class Collapse:
    """What a recovery needs: the sign, the first step that had it, and at the end of the stretch value and limit.

    measured and limit are nats per dimension, or numbers of dimensions. A checkpoint of fewer than onset_step - 1 steps
    is of before the collapse. Active dimensions are judged from the end of the warm-up on, but their onset may lie
    within it: it is where they became few and stayed so.
    """

    sign: CollapseSign
    onset_step: int
    measured: float
    limit: float


@dataclass(frozen=True, slots=True)
class CodesUnused:
    """An epoch in which too much of a codebook lay idle: the codes chosen at least once, of how many."""

    used: int
    codes: int


class RecoveryAction(StrEnum):
    """What another attempt does otherwise; neither a higher beta nor a larger latent space is among it."""

    lower_beta = "lower_beta"
    cyclical_restart = "cyclical_restart"
    smaller_decoder = "smaller_decoder"
    smaller_codebook = "smaller_codebook"


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a recipe or a model's config, with its values as a person reads them."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Recovery:
    """How an attempt begins: its number (the first one is 1), what it does and why, and from where.

    from_step: steps of the checkpoint whose weights it goes on with, counted as in the result; 0 where it begins anew.
    warm_encoder: whether its encoder is the checkpoint's and only the rest begins anew.
    """

    attempt: int
    action: RecoveryAction
    cause: EventKind
    from_step: int
    warm_encoder: bool
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Fallback:
    """What became of weights in doubt: the snapshot that took their place, None where they stayed, of how many.

    step: of the snapshot, counted as in the result. kl: its own, nats per image. tried: snapshots whose benchmark was
    measured, of those at the final beta.
    """

    step: int | None
    kl: float | None
    tried: int
    at_final_beta: int


@dataclass(frozen=True, slots=True)
class TrainEvent:
    """One event: its kind, the number of steps done when it was seen, one line for a person, and its facts.

    `collapse` is that of a suspected collapse or of an architecture at risk, and None in those of releases that did not
    know it; `codes` that of unused codes; `recovery` that of a restart; `fallback` that of weights in doubt.
    """

    kind: EventKind
    step: int
    detail: str
    collapse: Collapse | None = None
    codes: CodesUnused | None = None
    recovery: Recovery | None = None
    fallback: Fallback | None = None
