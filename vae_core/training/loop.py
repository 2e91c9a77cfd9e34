"""The training loop: one sequence of steps, from a config to a model, through any number of kills."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from vae_core.config import ModelConfig, TrainConfig
from vae_core.errors import DivergenceError
from vae_core.models.conv_vae import ConvVae
from vae_core.schedules import learning_rate
from vae_core.training.annealing import anneal
from vae_core.training.batches import Batches
from vae_core.training.budget import BudgetMeter
from vae_core.training.early_stopping import HeldOutPoint
from vae_core.training.events import EventKind, StopReason, TrainEvent
from vae_core.training.held_out import HeldOut
from vae_core.training.identity import identify_training
from vae_core.training.keeper import Keeper
from vae_core.training.objective import KL_DIMS, LossWeights
from vae_core.training.optimiser import set_learning_rate
from vae_core.training.progress import TrainProgress
from vae_core.training.result import TrainResult
from vae_core.training.state import TrainingState
from vae_core.training.step import StepReport, take_step
from vae_core.training.warm_start import require_encoder, require_start
from vae_core.weights import encoder_digest, load_weights

__all__ = ["TrainResult", "train"]


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
    initial: ConvVae | None = None,
    weights: np.ndarray | None = None,
    held_out: np.ndarray | None = None,
) -> TrainResult:
    """Train on images uint8 (N, C, H, W) until the budget is used; at least one step is made.

    Resumes from the newest checkpoint in the folder; with a budget in steps or epochs, on one thread of one
    kind of processor, the weights are those of an uninterrupted training, bit for bit. `clock` gives seconds
    and counts for a budget in seconds; `on_progress` hears the means of every `log_every` steps. The caller
    sets the number of threads.

    `initial` is a warm start: a model of the same config whose weights are copied. `weights` (N,) ≥ 0 say how
    often each image is drawn, relative to one another. `held_out` uint8 (M, C, H, W) are images whose -ELBO is
    measured before the first step and every `validate_every_steps`: the best weights are handed over, and the
    training ends when they were not improved on for `patience` looks. Where the recipe keeps a mean of the weights,
    it is that which is looked at and handed over.

    DataError for unfit images, weights or a start that does not fit. CheckpointError when the folder holds
    another training, or cannot be written. DivergenceError, naming step and batch, when a loss is not finite:
    the weights did not take that step, and the last checkpoint is kept. FrozenError when only the decoder was
    to move and the encoder did.
    """
    require_start(initial, model_config, train_config.trains)
    frozen = encoder_digest(initial) if initial is not None and train_config.trains == "decoder" else None
    shape, seed = model_config.shape, train_config.seed
    batches = Batches(images, shape, batch_size=train_config.batch_size, seed=seed, device=device, weights=weights)
    watch = None if held_out is None else HeldOut(held_out, shape, seed=seed, device=device)
    keeper = Keeper(
        checkpoint_folder, identify_training(model_config, train_config, images, initial, weights, held_out)
    )
    state = TrainingState.begin(model_config, train_config, device, initial)

    run = _Run(train_config, state, batches, watch, keeper, clock, log_every, on_progress)
    while not run.is_over():
        run.advance()
    result = run.finish()
    if frozen is not None:
        require_encoder(result.model, frozen)
    return result


class _Run:
    """One call of `train`: the state, and what happens around a step."""

    def __init__(
        self,
        config: TrainConfig,
        state: TrainingState,
        batches: Batches,
        held_out: HeldOut | None,
        keeper: Keeper,
        clock: Callable[[], float],
        log_every: int,
        on_progress: Callable[[TrainProgress], None] | None,
    ) -> None:
        self._config, self._state, self._batches, self._held_out, self._keeper = (
            config,
            state,
            batches,
            held_out,
            keeper,
        )
        self._log_every, self._on_progress = log_every, on_progress
        seconds_before = keeper.resume(state)
        self._resumed_from_step = keeper.saved_step
        self._meter = BudgetMeter(config.budget, batches.steps_per_epoch, clock, seconds_before)
        self._told_step, self._told_seconds = state.step, self._meter.seconds_used()
        self._beta, self._rate = 0.0, config.learning_rate
        if held_out and not state.best.curve:
            self._look(held_out)

    def is_over(self) -> bool:
        """Whether the held-out images say that it is enough, or the budget is used; never before the first step."""
        state, patience = self._state, self._config.patience
        return state.step > 0 and (state.best.looks_since >= patience or self._meter.share(state.step) >= 1.0)

    def advance(self) -> None:
        """Make one step; then watch it, report, validate and keep it where that is due."""
        state, config = self._state, self._config
        share = self._meter.share(state.step)
        self._rate = learning_rate(share, config.learning_rate, config.final_learning_rate)
        weights = anneal(config, share=share, step=state.step, steps_per_epoch=self._batches.steps_per_epoch)
        report = self._take_step(weights)
        if state.average:
            state.average.update(state.model, steps_before=state.step)
        state.step, self._beta = state.step + 1, weights.beta

        state.interval.add(report.flat)
        self._watch(report, warming=weights.warming)
        if state.interval.steps >= self._log_every:
            self._report()
        if self._held_out and state.step % config.validate_every_steps == 0:
            self._look(self._held_out)
        if state.step % config.checkpoint_every_steps == 0:
            self._keeper.save(state, self._meter.seconds_used())

    def finish(self) -> TrainResult:
        """Report, validate and keep what is left, and hand the best model over."""
        state, best = self._state, self._state.best
        if state.interval.steps:
            self._report()
        if self._held_out and best.curve[-1].step != state.step:
            self._look(self._held_out)
        if self._keeper.saved_step != state.step:
            self._keeper.save(state, self._meter.seconds_used())
        model = state.judged_model
        if best.point:
            load_weights(model, best.weights)
        return TrainResult(
            model=model.requires_grad_(True).eval(),
            steps=state.step,
            epochs=state.step / self._batches.steps_per_epoch,
            seconds_used=self._meter.seconds_used(),
            curve=state.curve,
            events=tuple(state.events),
            resumed_from_step=self._resumed_from_step,
            stop_reason=(
                StopReason.no_improvement if best.looks_since >= self._config.patience else StopReason.budget_used
            ),
            best_step=best.point.step if best.point else None,
            held_out_curve=tuple(best.curve),
        )

    def _watch(self, report: StepReport, *, warming: bool) -> None:
        """Look for collapse in the step's terms, and at the end of an epoch at what the objective counted over it."""
        state = self._state
        # codes that cannot move cannot collapse
        kl_dims = report.terms.get(KL_DIMS) if self._config.trains == "all" else None
        if kl_dims is not None and (event := state.monitor.watch(state.step, kl_dims, warming=warming)):
            state.events.append(event)
        if state.step % self._batches.steps_per_epoch == 0:
            state.events += state.objective.end_epoch(state.step)

    def _take_step(self, weights: LossWeights) -> StepReport:
        state, indices = self._state, self._batches.indices(self._state.step)
        set_learning_rate(state.optimiser, self._rate)
        try:
            return take_step(
                state.objective,
                state.optimiser,
                self._batches.images(indices),
                state.generator,
                weights=weights,
                precision=state.precision,
                clip_norm=self._config.clip_norm,
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
        state, seconds = self._state, self._meter.seconds_used()
        figures, elapsed = state.objective.summarise(state.interval.means()), seconds - self._told_seconds
        images = (state.step - self._told_step) * self._batches.batch_size
        progress = TrainProgress(
            step=state.step,
            epoch=state.step / self._batches.steps_per_epoch,
            share_done=self._meter.share(state.step),
            neg_elbo=figures.nll + figures.kl,
            nll=figures.nll,
            kl=figures.kl,
            beta=self._beta,
            learning_rate=self._rate,
            active_dims=figures.active_dims,
            images_per_s=images / elapsed if elapsed > 0 else None,
        )
        state.interval.clear()
        self._told_step, self._told_seconds = state.step, seconds
        state.curve.append(progress)
        if self._on_progress:
            self._on_progress(progress)

    def _look(self, held_out: HeldOut) -> None:
        """Measure the held-out images, keep the weights that did best on them, and say when patience ends."""
        state, config = self._state, self._config
        point = HeldOutPoint(state.step, held_out.measure(state.judged_model))
        best = state.best.take(point, state.judged_model, config.min_delta_nats)
        if state.best.looks_since == config.patience:
            state.events.append(
                TrainEvent(
                    EventKind.stopped_early,
                    state.step,
                    f"held-out -ELBO {point.neg_elbo:.2f} nats, no look after step {best.step} was better than its "
                    f"{best.neg_elbo:.2f} by {config.min_delta_nats:g}: its weights are kept",
                )
            )
