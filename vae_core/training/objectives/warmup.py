"""The KL warm-up of a recipe beside its budget: one that outlasts the training never gives the KL its whole weight."""

from __future__ import annotations

from math import ceil

from vae_core.config import TrainConfig
from vae_core.errors import DataError


def warmup_in_budget(config: TrainConfig, steps_per_epoch: int) -> float | None:
    """The KL warm-up in the unit of the budget; None where one is in seconds and the other is not."""
    if config.kl_warmup_unit == "share":
        return config.kl_warmup_share * config.budget.amount
    return _convert(_warmup(config), config.kl_warmup_unit, config.budget.unit, steps_per_epoch)


def require_warmup(config: TrainConfig, steps_per_epoch: int) -> None:
    """DataError when the KL warm-up is longer than the training; of a budget in seconds nobody knows."""
    budget, unit = config.budget, config.kl_warmup_unit
    whole = _convert(budget.amount, budget.unit, "steps", steps_per_epoch)
    if unit == "share" or whole is None:
        return
    warmup = _convert(_warmup(config), unit, "steps", steps_per_epoch)
    assert warmup is not None, "a warm-up is never in seconds"
    if warmup > ceil(whole):
        raise DataError(
            f"train: expected a KL warm-up within the {ceil(whole)} steps of the budget of {budget.amount:g} "
            f"{budget.unit}, came {warmup:.10g} steps by kl_warmup_{unit} {_warmup(config):g}, at {steps_per_epoch} "
            f"steps an epoch; lower kl_warmup_{unit}, or set kl_warmup_unit to share"
        )


def fit_warmup(config: TrainConfig, steps_per_epoch: int) -> TrainConfig:
    """Shorten a KL warm-up in steps or epochs to half of the budget, so that the KL gets its whole weight.

    A share of the budget stays as it is, and so does whatever stands beside a budget in seconds.
    """
    unit = config.kl_warmup_unit
    if unit == "share":
        return config
    whole = _convert(config.budget.amount, config.budget.unit, unit, steps_per_epoch)
    if whole is None:
        return config
    most = whole / 2 if unit == "epochs" else int(whole / 2)
    return config.model_copy(update={f"kl_warmup_{unit}": min(_warmup(config), most)})


def _warmup(config: TrainConfig) -> float:
    return config.kl_warmup_steps if config.kl_warmup_unit == "steps" else config.kl_warmup_epochs


def _convert(amount: float, of: str, into: str, steps_per_epoch: int) -> float | None:
    """An amount in another unit; None where one of them is seconds."""
    if of == into:
        return amount
    if "seconds" in (of, into):
        return None
    return amount / steps_per_epoch if into == "epochs" else amount * steps_per_epoch
