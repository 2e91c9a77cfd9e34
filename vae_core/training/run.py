"""One run of a training: its steps, and what happens around each of them, until it is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vae_core.config import TrainConfig
from vae_core.errors import DivergenceError
from vae_core.families.registry import family_of
from vae_core.ranks import ALONE
from vae_core.schedules import learning_rate
from vae_core.training.budget import BudgetMeter
from vae_core.training.checkpoints.keeper import Keeper
from vae_core.training.checkpoints.state import TrainingState
from vae_core.training.data.batches import Batches
from vae_core.training.data.held_out import HeldOut
from vae_core.training.execution import Execution
from vae_core.training.health.divergence import withheld_step
from vae_core.training.health.early_stopping import HeldOutPoint
from vae_core.training.health.events import EventKind, StopReason, TrainEvent
from vae_core.training.health.inspections import Inspections
from vae_core.training.health.progress import TrainProgress
from vae_core.training.objectives.annealing import anneal
from vae_core.training.objectives.objective import KL_DIMS, LossWeights
from vae_core.training.optimiser import set_learning_rate
from vae_core.training.result import TrainResult
from vae_core.training.step import StepReport, take_step
from vae_core.weights import load_weights

StopRule = Callable[[Sequence[TrainEvent], int], bool]
"""From the events so far and the steps of an epoch: whether the training gives up, for another attempt."""


class TrainingRun:
    """One call of `train`: the state, and what happens around a step."""

    def __init__(
        self,
        config: TrainConfig,
        state: TrainingState,
        batches: Batches,
        held_out: HeldOut | None,
        keeper: Keeper,
        inspections: Inspections,
        execution: Execution,
        stop_when: StopRule | None,
    ) -> None:
        self._config, self._state, self._batches, self._held_out = config, state, batches, held_out
        self._keeper, self._inspections, self._stop_when = keeper, inspections, stop_when
        self._ranks, self._log_every = execution.ranks, execution.log_every
        self._on_progress = execution.on_progress
        seconds_before = keeper.resume(state)
        self._resumed_from_step = keeper.saved_step
        self._meter = BudgetMeter(
            config.budget, batches.steps_per_epoch, execution.clock, seconds_before, execution.ranks
        )
        self._told_step, self._told_seconds = state.step, self._meter.seconds_used()
        self._beta, self._rate, self._warming = 0.0, config.learning_rate, True
        if state.step:  # a kill at the very end leaves a report to be made, and no step
            self._schedule(state.step - 1)
        self._inspected_share = self._meter.share(state.step) if config.snapshots else 0.0
        if held_out and not state.best.curve and family_of(state.model).is_begun(state.model):
            self._look(held_out)

    def is_over(self) -> bool:
        """Whether the held-out images say that it is enough, or the budget is used; never before the first step.

        Or whether what was seen asks for another attempt.
        """
        state, patience = self._state, self._config.patience
        if state.step == 0:
            return False
        return self._gives_up() or state.best.looks_since >= patience or self._meter.share(state.step) >= 1.0

    def _gives_up(self) -> bool:
        return self._stop_when is not None and self._stop_when(self._state.events, self._batches.steps_per_epoch)

    def advance(self) -> None:
        """Make one step; then watch it, report, validate and keep it where that is due."""
        state, config = self._state, self._config
        weights = self._schedule(state.step)
        report = self._take_step(weights)
        if state.average:
            state.average.update(state.model, steps_before=state.step)
        state.step += 1

        state.interval.add(report.flat)
        self._watch(report, warming=weights.warming)
        if state.interval.steps >= self._log_every:
            self._report()
        if self._held_out and state.step % config.validate_every_steps == 0:
            self._look(self._held_out)
        self._warming = weights.warming
        self._inspections.measure_information(state)
        self._inspect(weights.warming)
        # the last step is kept with its report, by finish
        if state.step % config.checkpoint_every_steps == 0 and not self.is_over():
            self._save()

    def _schedule(self, step: int) -> LossWeights:
        """Set the rate of the step after `step` steps, and give the weights of its loss."""
        config, share = self._config, self._meter.share(step)
        self._rate = learning_rate(share, config.learning_rate, config.final_learning_rate)
        weights = anneal(config, share=share, step=step, steps_per_epoch=self._batches.steps_per_epoch)
        self._beta = weights.beta
        return weights

    def _inspect(self, warming: bool) -> None:
        """Keep a snapshot where the share of the budget passed a moment for one since the last time."""
        if not self._config.snapshots:
            return
        before, self._inspected_share = self._inspected_share, self._meter.share(self._state.step)
        if not warming:
            self._inspections.snapshot(self._state, self._beta, before, self._inspected_share)

    def finish(self) -> TrainResult:
        """Report, validate, inspect and keep what is left, and hand the best model over."""
        state, best = self._state, self._state.best
        if state.interval.steps:
            self._report()
        if self._held_out and (not best.curve or best.curve[-1].step != state.step):
            self._look(self._held_out)
        self._inspect(self._warming)
        if not self._gives_up():
            self._inspections.measure_last_information(state)
        if self._keeper.saved_step != state.step:
            self._save()
        model = state.judged_model
        if best.point:
            load_weights(model, best.weights)
        model.ranks = ALONE
        self._inspections.refit(model)
        return TrainResult(
            model=model.requires_grad_(True).eval(),
            train_config=self._config,
            steps=state.step,
            epochs=state.step / self._batches.steps_per_epoch,
            seconds_used=self._meter.seconds_used(),
            curve=state.curve,
            events=tuple(state.events),
            resumed_from_step=self._resumed_from_step,
            stop_reason=self._stop_reason(),
            best_step=best.point.step if best.point else None,
            held_out_curve=tuple(best.curve),
            snapshots=tuple(self._inspections.refit_snapshot(model, each) for each in state.snapshots),
            information=tuple(state.information),
            final_beta=self._final_beta(),
        )

    def _final_beta(self) -> float:
        """That of the last step; of a model without a KL, whose reports name none, the recipe's."""
        told = self._state.curve[-1].beta
        return self._config.beta if told is None else told

    def _save(self) -> None:
        """Keep the state; the others wait until the first process has written it."""
        if self._ranks.rank == 0:
            self._keeper.save(self._state, self._meter.seconds_used())
        self._keeper.saved_step = int(self._ranks.first(self._state.step))

    def _stop_reason(self) -> StopReason:
        if self._gives_up():
            return StopReason.recovering
        patient = self._state.best.looks_since < self._config.patience
        return StopReason.budget_used if patient else StopReason.no_improvement

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
                self._batches.take(self._state.step),
                state.generator,
                weights=weights,
                precision=state.precision,
                clip_norm=self._config.clip_norm,
                ranks=self._ranks,
            )
        except DivergenceError as error:
            raise withheld_step("train", state.step + 1, indices.tolist(), str(error)) from error

    def _report(self) -> None:
        state, seconds = self._state, self._meter.seconds_used()
        figures, elapsed = state.objective.summarise(state.interval.means()), seconds - self._told_seconds
        images = (state.step - self._told_step) * self._batches.batch_size
        progress = TrainProgress(
            step=state.step,
            epoch=state.step / self._batches.steps_per_epoch,
            share_done=self._meter.share(state.step),
            learning_rate=self._rate,
            images_per_s=images / elapsed if elapsed > 0 else None,
            neg_elbo=figures.neg_elbo,
            nll=figures.nll,
            kl=figures.kl,
            beta=self._beta if figures.weighs_kl else None,
            active_dims=figures.active_dims,
            squared_error=figures.squared_error,
            codes_used=figures.codes_used,
            perplexity=figures.perplexity,
            commitment=figures.commitment,
        )
        state.interval.clear()
        self._told_step, self._told_seconds = state.step, seconds
        state.curve.append(progress)
        if self._on_progress:
            self._on_progress(progress)

    def _look(self, held_out: HeldOut) -> None:
        """Measure the held-out images, keep the weights that did best on them, and say when patience ends."""
        state, config = self._state, self._config
        point = HeldOutPoint(state.step, held_out.measure(state.judged_model, state.step))
        smallest = family_of(state.model).smallest_fall(point.loss, config)
        best = state.best.take(point, state.judged_model, smallest)
        if state.best.looks_since == config.patience:
            state.events.append(
                TrainEvent(
                    EventKind.stopped_early,
                    state.step,
                    f"held-out loss {point.loss:.2f}, no look after step {best.step} was better than its "
                    f"{best.loss:.2f} by {smallest:.2g}: its weights are kept",
                )
            )
