"""What another attempt does otherwise after a collapse: decided from values alone.

Against a posterior that collapses, in this order: a beta above 1 becomes 1, the KL warms up in cycles, the decoder is
halved, beta is halved. Against codes that stay unused after they began anew: a smaller codebook. A warm start keeps its
architecture, and a training of the decoder alone its codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vae_core.config import TrainConfig
from vae_core.families.configs import ModelConfig
from vae_core.families.registry import family_of
from vae_core.training.health.events import EventKind, RecoveryAction, TrainEvent

EPOCHS_UNUSED = 3
"""Epochs in a row with too few codes: one after which the unused begin anew, and two in which that did not help."""

RESTART_SHARE = 0.5
"""Of an attempt's budget, in which a cyclical restart warms up; the rest has the whole KL (Fu et al. 2019: cycles over
the whole training, of which ours keeps the second half for weights at the final beta)."""

RESTART_FREE_NATS = 0.5
"""Free bits a dimension of a restart, at least, while it warms up (Kingma et al. 2016, appendix C.8)."""

SMALLEST_BETA = 0.1
"""Below which beta is not halved: what is left is an autoencoder."""


@dataclass(frozen=True, slots=True)
class RecoveryPlan:
    """The next attempt: action, cause, and the configs of it; the recipe's budget is still that of the attempt before.

    onset_step: weights of before it are sound, to go on with, or for the encoder alone; None: everything begins anew.
    """

    action: RecoveryAction
    cause: EventKind
    model: ModelConfig
    training: TrainConfig
    onset_step: int | None

    @property
    def keeps_model(self) -> bool:
        """Whether the attempt may go on with all weights, since the architecture is the same."""
        return self.action in (RecoveryAction.lower_beta, RecoveryAction.cyclical_restart)


def find_trouble(events: Sequence[TrainEvent], steps_per_epoch: int) -> TrainEvent | None:
    """The first event of a training after which it should not go on as it is, or None.

    A suspected collapse; or unused codes at the ends of three epochs in a row, and then the one with the most used.
    """
    idle: list[TrainEvent] = []
    for event in events:
        if event.kind == EventKind.collapse_suspected:
            return event
        if event.kind == EventKind.codes_unused and event.codes:
            follows = idle and event.step == idle[-1].step + steps_per_epoch
            idle = [*idle, event] if follows else [event]
            if len(idle) == EPOCHS_UNUSED:
                return max(idle, key=lambda each: each.codes.used if each.codes else 0)
    return None


def plan_recovery(
    trouble: TrainEvent,
    model: ModelConfig,
    training: TrainConfig,
    *,
    warm_start: bool,
) -> RecoveryPlan | None:
    """Decide on the attempt after one of these configs; None: nothing is left to be done.

    warm_start: the training began at a trained model, whose architecture has to stay.
    """
    if training.trains == "decoder":
        return None
    if trouble.kind == EventKind.codes_unused:
        return None if warm_start else _shrink_codebook(trouble, model, training)
    return _against_collapse(trouble, model, training, warm_start)


def _against_collapse(
    trouble: TrainEvent, model: ModelConfig, training: TrainConfig, warm_start: bool
) -> RecoveryPlan | None:
    onset = trouble.collapse.onset_step if trouble.collapse else None
    smaller = None if warm_start else family_of(model).shrink(model, trouble)
    if training.beta > 1:
        return RecoveryPlan(RecoveryAction.lower_beta, trouble.kind, model, _with_beta(training, 1.0), onset)
    if training.kl_schedule != "cyclical":
        return RecoveryPlan(RecoveryAction.cyclical_restart, trouble.kind, model, _in_cycles(training), onset)
    if smaller is not None:
        return RecoveryPlan(RecoveryAction.smaller_decoder, trouble.kind, smaller, training, onset)
    if training.beta > SMALLEST_BETA:
        lower = _with_beta(training, max(SMALLEST_BETA, training.beta / 2))
        return RecoveryPlan(RecoveryAction.lower_beta, trouble.kind, model, lower, onset)
    return None


def _with_beta(training: TrainConfig, beta: float) -> TrainConfig:
    return training.model_copy(update={"beta": beta})


def _in_cycles(training: TrainConfig) -> TrainConfig:
    free = max(training.free_bits_nats, RESTART_FREE_NATS)
    warmup = {"kl_warmup_unit": "share", "kl_warmup_share": RESTART_SHARE}
    return training.model_copy(update={"kl_schedule": "cyclical", "free_bits_nats": free, **warmup})


def _shrink_codebook(trouble: TrainEvent, model: ModelConfig, training: TrainConfig) -> RecoveryPlan | None:
    smaller = family_of(model).shrink(model, trouble)
    if smaller is None:
        return None
    return RecoveryPlan(RecoveryAction.smaller_codebook, trouble.kind, smaller, training, onset_step=None)
