"""The training loop: one sequence of steps, from a config to a model, through any number of kills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vae_core.config import ModelConfig, TrainConfig
from vae_core.errors import CheckpointError, DivergenceError
from vae_core.models.conv_vae import ConvVae
from vae_core.preprocessing import pixel_digest
from vae_core.schedules import kl_weight, learning_rate
from vae_core.training.batches import Batches
from vae_core.training.budget import BudgetMeter
from vae_core.training.checkpoint import Checkpoint, CheckpointFolder, CheckpointHeader, TrainingIdentity
from vae_core.training.events import EventKind, TrainEvent
from vae_core.training.progress import ACTIVE_NATS, TrainProgress
from vae_core.training.state import TrainingState
from vae_core.training.step import StepTerms, take_step


@dataclass(frozen=True, slots=True, eq=False)
class TrainResult:
    """A finished training. The model is in eval mode on the training's device.

    epochs: passes over the images. seconds_used: of the training's clock, those before a resume included.
    curve and events reach back to the first step; resumed_from_step is None where this call began at the
    first step.
    """

    model: ConvVae
    steps: int
    epochs: float
    seconds_used: float
    curve: list[TrainProgress]
    events: tuple[TrainEvent, ...]
    resumed_from_step: int | None


def train(
    images: np.ndarray,
    model_config: ModelConfig,
    train_config: TrainConfig,
    *,
    clock: Callable[[], float],
    checkpoint_folder: Path | None,
    device: str = "cpu",
    on_progress: Callable[[TrainProgress], None] | None = None,
    log_every: int = 20,
) -> TrainResult:
    """Train on images uint8 (N, C, H, W) until the budget is used; at least one step is made.

    Resumes from the newest checkpoint in the folder; with a budget in steps or epochs, on one thread of one
    kind of processor, the weights are those of an uninterrupted training, bit for bit. `clock` gives seconds
    and counts for a budget in seconds; `on_progress` hears the means of every `log_every` steps. The caller
    sets the number of threads.

    DataError for unfit images. CheckpointError when the folder holds another training, or cannot be written.
    DivergenceError, naming step and batch, when a loss is not finite: the weights did not take that step, and
    the last checkpoint is kept.
    """
    batches = Batches(
        images, model_config.shape, batch_size=train_config.batch_size, seed=train_config.seed, device=device
    )
    run = _Run(model_config, train_config, images, batches, checkpoint_folder, clock, device, log_every, on_progress)
    while run.state.step == 0 or run.meter.share(run.state.step) < 1.0:
        run.advance()
    return run.finish()


class _Run:
    """One call of `train`: the state, and what happens around a step."""

    def __init__(
        self,
        model_config: ModelConfig,
        config: TrainConfig,
        images: np.ndarray,
        batches: Batches,
        folder: Path | None,
        clock: Callable[[], float],
        device: str,
        log_every: int,
        on_progress: Callable[[TrainProgress], None] | None,
    ) -> None:
        self._config, self._batches, self._log_every, self._on_progress = (
            config,
            batches,
            log_every,
            on_progress,
        )
        self._identity = TrainingIdentity(model=model_config, training=config, data_digest=pixel_digest(images))
        self._checkpoints = CheckpointFolder(folder, self._identity) if folder else None
        self.state = TrainingState.begin(model_config, config, device)
        self._saved_step: int | None = None
        seconds_before = self._resume()
        self.resumed_from_step = self._saved_step
        self.meter = BudgetMeter(config.budget, batches.steps_per_epoch, clock, seconds_before)
        self._told_step, self._told_seconds = self.state.step, self.meter.seconds_used()
        self._beta, self._rate = 0.0, config.learning_rate

    def advance(self) -> None:
        """Make one step; then watch it, report and keep it where that is due."""
        state, config = self.state, self._config
        share = self.meter.share(state.step)
        self._rate = learning_rate(share, config.learning_rate, config.final_learning_rate)
        self._beta = kl_weight(share, config.kl_warmup_share, config.beta)
        terms = self._take_step(warming=share < config.kl_warmup_share)
        state.step += 1

        state.interval.add(terms.nll, terms.kl_dims)
        event = state.monitor.watch(state.step, float(terms.kl_dims.sum()), state.model.latent_dim)
        if event:
            state.events.append(event)
        if state.interval.steps >= self._log_every:
            self._report()
        if state.step % config.checkpoint_every_steps == 0:
            self._save()

    def finish(self) -> TrainResult:
        """Report and keep what is left, and hand the model over."""
        state = self.state
        if state.interval.steps:
            self._report()
        if self._saved_step != state.step:
            self._save()
        return TrainResult(
            model=state.model.eval(),
            steps=state.step,
            epochs=state.step / self._batches.steps_per_epoch,
            seconds_used=self.meter.seconds_used(),
            curve=state.curve,
            events=tuple(state.events),
            resumed_from_step=self.resumed_from_step,
        )

    def _take_step(self, *, warming: bool) -> StepTerms:
        state, indices = self.state, self._batches.indices(self.state.step)
        for group in state.optimiser.param_groups:
            group["lr"] = self._rate
        try:
            return take_step(
                state.model,
                state.optimiser,
                self._batches.images(indices),
                state.generator,
                beta=self._beta,
                free_bits_nats=self._config.free_bits_nats if warming else 0.0,
                precision=state.precision,
            )
        except DivergenceError as error:
            rows = tuple(indices.tolist())
            shown = ", ".join(map(str, rows[:8])) + (f" and {len(rows) - 8} more" if len(rows) > 8 else "")
            raise DivergenceError(
                f"train: step {state.step + 1} is not finite ({error}) on images {shown}; "
                "the weights did not take it. Lower learning_rate or use precision fp32, then start anew",
                step=state.step + 1,
                batch_indices=rows,
            ) from error

    def _report(self) -> None:
        state, seconds = self.state, self.meter.seconds_used()
        nll, kl_dims = state.interval.means()
        kl, elapsed = float(kl_dims.sum()), seconds - self._told_seconds
        images = (state.step - self._told_step) * self._batches.batch_size
        progress = TrainProgress(
            step=state.step,
            epoch=state.step / self._batches.steps_per_epoch,
            share_done=self.meter.share(state.step),
            neg_elbo=nll + kl,
            nll=nll,
            kl=kl,
            beta=self._beta,
            learning_rate=self._rate,
            active_dims=int((kl_dims > ACTIVE_NATS).sum()),
            images_per_s=images / elapsed if elapsed > 0 else None,
        )
        state.interval.clear()
        self._told_step, self._told_seconds = state.step, seconds
        state.curve.append(progress)
        if self._on_progress:
            self._on_progress(progress)

    def _resume(self) -> float:
        """Take over the newest checkpoint; the seconds that the training had used by then."""
        if self._checkpoints is None:
            return 0.0
        checkpoint, damaged = self._checkpoints.newest()
        if checkpoint is None:
            self.state.events += damaged
            return 0.0
        header = checkpoint.header
        try:
            self.state.restore_tensors(checkpoint.tensors)
        except (KeyError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"checkpoint of step {header.step}: written by another release ({error}); "
                "remove the folder to begin anew"
            ) from error
        self.state.step = self._saved_step = header.step
        self.state.monitor.steps_below = header.kl_steps_below
        resumed = TrainEvent(EventKind.resumed, header.step, f"resumed from the checkpoint of step {header.step}")
        self.state.events += [*header.events, *damaged, resumed]
        return header.seconds_used

    def _save(self) -> None:
        if self._checkpoints is None:
            return
        state = self.state
        header = CheckpointHeader(
            identity=self._identity,
            step=state.step,
            seconds_used=self.meter.seconds_used(),
            kl_steps_below=state.monitor.steps_below,
            events=tuple(state.events),
        )
        self._checkpoints.save(Checkpoint(header, state.to_tensors()))
        self._saved_step = state.step
