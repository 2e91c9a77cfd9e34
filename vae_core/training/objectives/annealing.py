"""From a recipe and the point that a training has reached to the weights of its loss."""

from __future__ import annotations

from vae_core.config import TrainConfig
from vae_core.schedules import cyclical_kl_weight, linear_kl_weight, monotonic_kl_weight
from vae_core.training.objectives.objective import LossWeights


def anneal(config: TrainConfig, *, share: float, step: int, steps_per_epoch: int) -> LossWeights:
    """Weights of the step after `step` steps, at the used share of the budget; free bits count while warming only."""
    done, warmup = _position(config, share, step, steps_per_epoch)
    warming = done < warmup
    return LossWeights(
        beta=_kl_weight(config, done, warmup),
        free_bits_nats=config.free_bits_nats if warming else 0.0,
        warming=warming,
    )


def _position(config: TrainConfig, share: float, step: int, steps_per_epoch: int) -> tuple[float, float]:
    """How far the training is and where the warm-up ends, in the warm-up's unit."""
    match config.kl_warmup_unit:
        case "share":
            return share, config.kl_warmup_share
        case "steps":
            return step, config.kl_warmup_steps
        case "epochs":
            return step / steps_per_epoch, config.kl_warmup_epochs


def _kl_weight(config: TrainConfig, done: float, warmup: float) -> float:
    match config.kl_schedule:
        case "linear":
            return linear_kl_weight(done, warmup, config.beta)
        case "monotonic":
            return monotonic_kl_weight(done, warmup, config.beta)
        case "cyclical":
            return cyclical_kl_weight(done, warmup, config.beta, config.kl_cycles, config.kl_rising_share)
