"""The training loop: one sequence of steps, from a config to a model, through any number of kills."""

from __future__ import annotations

from contextlib import closing

from vae_core.config import TrainConfig
from vae_core.families.configs import TrainableConfig
from vae_core.families.variants import ImageModel
from vae_core.training.checkpoints.checkpoint import CheckpointHeader
from vae_core.training.checkpoints.identity import identify_training
from vae_core.training.checkpoints.keeper import Keeper
from vae_core.training.checkpoints.state import ModelBuilder, TrainingState, build_variant
from vae_core.training.data.batches import Batches
from vae_core.training.data.held_out import HeldOut
from vae_core.training.data.training_data import TrainingData
from vae_core.training.data.whole_images import WholeImages
from vae_core.training.execution import Execution
from vae_core.training.health.inspections import Inspections, require_measurable
from vae_core.training.objectives.warmup import require_warmup
from vae_core.training.result import TrainResult
from vae_core.training.run import StopRule, TrainingRun
from vae_core.training.warm_start import require_encoder, require_start
from vae_core.weights import encoder_digest

__all__ = ["TrainResult", "train"]


def train(
    data: TrainingData,
    model_config: TrainableConfig,
    train_config: TrainConfig,
    execution: Execution,
    *,
    initial: ImageModel | None = None,
    build: ModelBuilder = build_variant,
    stop_when: StopRule | None = None,
) -> TrainResult:
    """Train on the data's images until the budget is used; at least one step is made.

    Resumes from the newest checkpoint in the folder; with a budget in steps or epochs, on one thread of one
    kind of processor, the weights are those of an uninterrupted training, bit for bit.

    `initial` is a warm start: a model of the same config whose weights are copied. `build` makes the model of a config
    and a seed. `stop_when` gives the training up after a step whose event it was waiting for; `train_with_recovery`
    does so, and begins another.

    DataError for unfit images, weights, a start that does not fit or a KL warm-up longer than the training.
    CheckpointError when the folder holds another training, or cannot be written. DivergenceError, naming step and
    batch, when a loss is not finite: the weights did not take that step, and the last checkpoint is kept. FrozenError
    when only the decoder was to move and the encoder did.
    """
    require_start(initial, model_config, train_config.trains)
    frozen = encoder_digest(initial) if initial is not None and train_config.trains == "decoder" else None
    shape, seed, device = model_config.shape, train_config.seed, execution.device
    batches = Batches(
        data.images,
        shape,
        batch_size=train_config.batch_size,
        seed=seed,
        device=device,
        weights=data.weights,
        pairs=data.pairs,
        ranks=execution.ranks,
    )
    require_warmup(train_config, batches.steps_per_epoch)
    held_out = None if data.held_out is None else HeldOut(data.held_out, shape, seed=seed, device=device)
    identity = identify_training(model_config, train_config, data, initial)
    keeper = Keeper(execution.checkpoint_folder, identity, CheckpointHeader, execution.ranks)
    state = TrainingState.begin(model_config, train_config, device, initial, execution.ranks, build)
    looked_at = data.held_out if data.inspected is None else data.inspected
    require_measurable(state.model, train_config, 0 if looked_at is None else len(looked_at))
    whole = WholeImages.watched(batches, len(data.images), held_out, device)
    given = data.inspected
    seen = whole if given is None else WholeImages.given("train: inspected", given, shape, device)
    inspections = Inspections(train_config, whole, seen)

    run = TrainingRun(train_config, state, batches, held_out, keeper, inspections, execution, stop_when)
    with closing(batches):
        result = run.run()
    if frozen is not None:
        require_encoder(result.model, frozen)
    return result
