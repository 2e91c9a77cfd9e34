"""The training loop: one sequence of steps, from a config to a model, through any number of kills."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from vae_core.config import TrainConfig
from vae_core.families.configs import TrainableConfig
from vae_core.families.variants import ImageModel
from vae_core.ranks import ALONE, Ranks
from vae_core.training.checkpoints.identity import identify_training
from vae_core.training.checkpoints.keeper import Keeper
from vae_core.training.checkpoints.state import ModelBuilder, TrainingState, build_variant
from vae_core.training.data.batches import Batches, Pairs
from vae_core.training.data.held_out import HeldOut
from vae_core.training.data.whole_images import WholeImages
from vae_core.training.health.inspections import Inspections, require_measurable
from vae_core.training.health.progress import TrainProgress
from vae_core.training.objectives.warmup import require_warmup
from vae_core.training.result import TrainResult
from vae_core.training.run import StopRule, TrainingRun
from vae_core.training.warm_start import require_encoder, require_start
from vae_core.weights import encoder_digest

__all__ = ["TrainResult", "train"]


def train(
    images: np.ndarray,
    model_config: TrainableConfig,
    train_config: TrainConfig,
    *,
    clock: Callable[[], float],
    checkpoint_folder: Path | None,
    device: str = "cpu",
    on_progress: Callable[[TrainProgress], None] | None = None,
    log_every: int = 20,
    initial: ImageModel | None = None,
    weights: np.ndarray | None = None,
    held_out: np.ndarray | None = None,
    inspected: np.ndarray | None = None,
    pairs: Pairs | None = None,
    ranks: Ranks = ALONE,
    build: ModelBuilder = build_variant,
    stop_when: StopRule | None = None,
) -> TrainResult:
    """Train on images uint8 (N, C, H, W) until the budget is used; at least one step is made.

    Resumes from the newest checkpoint in the folder; with a budget in steps or epochs, on one thread of one
    kind of processor, the weights are those of an uninterrupted training, bit for bit. `clock` gives seconds
    and counts for a budget in seconds; `on_progress` hears the means of every `log_every` steps. The caller
    sets the number of threads.

    `initial` is a warm start: a model of the same config whose weights are copied. `weights` (N,) ≥ 0 say how often
    each image is drawn, relative to one another. `held_out` uint8 (M, C, H, W) are images whose loss is measured before
    the first step (unless the codes have not begun) and every `validate_every_steps`: the best weights are handed over,
    and the training ends when they were not improved on for `patience` looks. Where the recipe keeps a mean of the
    weights, it is that which is looked at and handed over. `inspected` uint8 (M, C, H, W) are what bounds on I(x; z)
    are measured on, the held-out ones by default: nothing is chosen or ended by them, and a checkpoint does not ask for
    the same ones. `build` makes the model of a config and a seed. `stop_when` gives the training up after a step whose
    event it was waiting for; `train_with_recovery` does so, and begins another.

    `images` of a memory-mapped file (`np.memmap`) are read batch by batch, a step ahead; all others lie on the device,
    or are read so too where they are more than half of what a GPU has free. The weights do not depend on it.
    `pairs` take a share of each batch: what the encoder sees, and what the decoder is to make of it.

    `ranks`: the processes that train together, each of which calls this with the same arguments (its own device apart)
    and hands the same model over; the batch is cut among them. One folder for all: the first process writes it.

    DataError for unfit images, weights, a start that does not fit or a KL warm-up longer than the training.
    CheckpointError when the folder holds another training, or cannot be written. DivergenceError, naming step and
    batch, when a loss is not finite: the weights did not take that step, and the last checkpoint is kept. FrozenError
    when only the decoder was to move and the encoder did.
    """
    require_start(initial, model_config, train_config.trains)
    frozen = encoder_digest(initial) if initial is not None and train_config.trains == "decoder" else None
    shape, seed = model_config.shape, train_config.seed
    batches = Batches(
        images,
        shape,
        batch_size=train_config.batch_size,
        seed=seed,
        device=device,
        weights=weights,
        pairs=pairs,
        ranks=ranks,
    )
    require_warmup(train_config, batches.steps_per_epoch)
    watch = None if held_out is None else HeldOut(held_out, shape, seed=seed, device=device)
    keeper = Keeper(
        checkpoint_folder, identify_training(model_config, train_config, images, initial, weights, held_out, pairs)
    )
    state = TrainingState.begin(model_config, train_config, device, initial, ranks, build)
    looked_at = held_out if inspected is None else inspected
    require_measurable(state.model, train_config, 0 if looked_at is None else len(looked_at))
    whole = WholeImages.watched(batches, len(images), watch, device)
    seen = whole if inspected is None else WholeImages.given("train: inspected", inspected, shape, device)
    inspections = Inspections(train_config, whole, seen)

    run = TrainingRun(
        train_config, state, batches, watch, keeper, clock, log_every, on_progress, ranks, inspections, stop_when
    )
    with closing(batches):
        while not run.is_over():
            run.advance()
        result = run.finish()
    if frozen is not None:
        require_encoder(result.model, frozen)
    return result
