"""A short twin of a training that has its KL sooner: where it collapses, the architecture is at risk.

It stops nothing and starts nothing else; its weights are thrown away.
"""

from __future__ import annotations

from vae_core.config import TrainConfig
from vae_core.errors import DivergenceError
from vae_core.families.configs import ModelConfig
from vae_core.families.registry import family_of
from vae_core.families.variants import ImageModel
from vae_core.training.checkpoints.state import ModelBuilder, build_variant
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.health.events import EventKind, TrainEvent
from vae_core.training.health.monitor import SUSPICIOUS_STEPS
from vae_core.training.loop import train
from vae_core.training.objectives.warmup import require_warmup, warmup_in_budget

TWIN_SHARE = 0.1
"""Of the main run's budget."""

WARMUP_FACTOR = 0.25
"""The twin's KL warm-up over the main run's, both as absolute times."""

JUDGED_STEPS = 2 * SUSPICIOUS_STEPS
"""Steps after its warm-up that a twin has at least, since a collapse is told after the half of them."""


def early_warning_twin(
    data: TrainingData,
    model_config: ModelConfig,
    train_config: TrainConfig,
    execution: Execution,
    *,
    share: float = TWIN_SHARE,
    initial: ImageModel | None = None,
    build: ModelBuilder = build_variant,
) -> TrainEvent | None:
    """Train the twin on the same images: an event `architecture_at_risk` if it was suspected of a collapse, else None.

    It has `share` of the budget, or what its warm-up needs, so that of a short training it may be most (of 40 epochs
    of batches of 128 a tenth from 9,000 images on, a third of 2,000 images). A budget in seconds does not say how many
    steps they are: a twin of fewer than 100 after its warm-up can suspect nothing, and is silent. Whatever has no KL
    that moves has no twin: a VQ-VAE, and a training of the decoder alone. Arguments and errors are those of `train`.
    """
    if not family_of(model_config).has_kl or train_config.trains == "decoder":
        return None
    steps_per_epoch = max(1, len(data.images) // train_config.batch_size)
    # a recipe that the main run will refuse costs no twin
    require_warmup(train_config, steps_per_epoch)
    try:
        twin = train(
            TrainingData(data.images, data.weights),
            model_config,
            twin_recipe(train_config, share, steps_per_epoch),
            execution,
            initial=initial,
            build=build,
            stop_when=lambda events, _: any(event.kind == EventKind.collapse_suspected for event in events),
        )
    except DivergenceError as error:
        detail = f"a twin with a quarter of the KL warm-up diverged ({error}); this run was trained as asked"
        return TrainEvent(EventKind.architecture_at_risk, 0, detail)
    found = next((event for event in twin.events if event.kind == EventKind.collapse_suspected), None)
    if found is None:
        return None
    detail = (
        f"a twin with a quarter of the KL warm-up collapsed at step {found.step} ({found.detail}); this run was "
        "trained as asked"
    )
    return TrainEvent(EventKind.architecture_at_risk, 0, detail, found.collapse)


def twin_recipe(config: TrainConfig, share: float, steps_per_epoch: int) -> TrainConfig:
    """The twin's recipe: a warm-up a quarter as long, and `share` of the budget, or more where it needs it.

    That is twice its warm-up and, unless the budget is in seconds, 200 steps after it; never more than the main run's.
    """
    nothing_beside = {"snapshots": 0, "mutual_information_every_steps": 0, "twin_share": 0.0}
    budget, warmup = config.budget, warmup_in_budget(config, steps_per_epoch)
    if warmup is None:  # a warm-up in steps within seconds: neither says how long the other is
        quarter = {
            "kl_warmup_steps": round(config.kl_warmup_steps * WARMUP_FACTOR),
            "kl_warmup_epochs": config.kl_warmup_epochs * WARMUP_FACTOR,
        }
        shorter = budget.model_copy(update={"amount": share * budget.amount})
        return config.model_copy(update={"budget": shorter, **quarter, **nothing_beside})
    warmup *= WARMUP_FACTOR
    judged = {"steps": JUDGED_STEPS, "epochs": JUDGED_STEPS / steps_per_epoch, "seconds": 0.0}[budget.unit]
    amount = min(budget.amount, max(share * budget.amount, 2 * warmup, warmup + judged))
    changes = {
        "budget": budget.model_copy(update={"amount": amount}),
        "kl_warmup_unit": "share",
        "kl_warmup_share": min(1.0, warmup / amount),
    }
    return config.model_copy(update={**changes, **nothing_beside})
