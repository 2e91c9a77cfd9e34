"""The run of one training: what its steps are, what is told and kept of them, and the model that they come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vae_core.config import TrainConfig
from vae_core.families.registry import family_of
from vae_core.ranks import ALONE
from vae_core.schedules import learning_rate
from vae_core.training.budget import BudgetMeter
from vae_core.training.checkpoints.checkpoint import CheckpointHeader
from vae_core.training.checkpoints.keeper import Keeper
from vae_core.training.checkpoints.state import TrainingState
from vae_core.training.data.batches import Batches
from vae_core.training.data.held_out import HeldOut
from vae_core.training.engine import Cadence, Engine, Stretch
from vae_core.training.execution import Execution
from vae_core.training.health.early_stopping import BestWeights, HeldOutPoint
from vae_core.training.health.events import EventKind, TrainEvent
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
    """What the engine calls in a training of a model: its steps, what they are told of, and what they come to."""

    name = "train"

    def __init__(
        self,
        config: TrainConfig,
        state: TrainingState,
        batches: Batches,
        held_out: HeldOut | None,
        keeper: Keeper[CheckpointHeader],
        inspections: Inspections,
        execution: Execution,
        stop_when: StopRule | None,
    ) -> None:
        self._config, self._state, self._batches, self._held_out = config, state, batches, held_out
        self._keeper, self._inspections, self._stop_when = keeper, inspections, stop_when
        self._on_progress, self._ranks = execution.on_progress, execution.ranks
        seconds_before = keeper.resume(state)
        self._resumed_from_step = keeper.saved_step
        ranks = execution.ranks
        self._meter = BudgetMeter(config.budget, batches.steps_per_epoch, execution.clock, seconds_before, ranks)
        self._beta, self._rate, self._warming = 0.0, config.learning_rate, True
        if state.step:  # a kill at the very end leaves a report to be made, and no step
            self._schedule(self._meter.share(state.step - 1), state.step - 1)
        self._inspected_share = self._meter.share(state.step) if config.snapshots else 0.0
        cadence = Cadence(
            steps_per_epoch=batches.steps_per_epoch,
            batch_size=batches.batch_size,
            report_every=execution.log_every,
            look_every=config.validate_every_steps,
            checkpoint_every=config.checkpoint_every_steps,
            patience=config.patience,
        )
        self._engine = Engine(self, cadence, self._meter, keeper.saved_step)

    def run(self) -> TrainResult:
        """Train to the end, and hand the best model over."""
        self._engine.run()
        state, best = self._state, self._state.best
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
            stop_reason=self._engine.stop_reason,
            best_step=best.point.step if best.point else None,
            held_out_curve=tuple(best.curve),
            snapshots=tuple(self._inspections.refit_snapshot(model, each) for each in state.snapshots),
            information=tuple(state.information),
            final_beta=self._final_beta(),
        )

    @property
    def step(self) -> int:
        """Steps done."""
        return self._state.step

    @property
    def unreported_steps(self) -> int:
        """Steps since the last report."""
        return self._state.interval.steps

    @property
    def best(self) -> BestWeights:
        """The looks so far."""
        return self._state.best

    def rows(self) -> Sequence[int]:
        """The images of the next step."""
        rows: list[int] = self._batches.indices(self._state.step).tolist()
        return rows

    def take_step(self, share: float) -> None:
        """Make one step, and watch it."""
        state = self._state
        weights = self._schedule(share, state.step)
        set_learning_rate(state.optimiser, self._rate)
        report = take_step(
            state.objective,
            state.optimiser,
            self._batches.take(state.step),
            state.generator,
            weights=weights,
            precision=state.precision,
            clip_norm=self._config.clip_norm,
            ranks=self._ranks,
        )
        if state.average:
            state.average.update(state.model, steps_before=state.step)
        state.step += 1
        state.interval.add(report.flat)
        self._watch(report, warming=weights.warming)
        self._warming = weights.warming

    def report(self, stretch: Stretch) -> None:
        """Put the means of the steps since the last report onto the curve, and tell them."""
        state = self._state
        figures = state.objective.summarise(state.interval.means())
        progress = TrainProgress(
            step=stretch.step,
            epoch=stretch.epoch,
            share_done=stretch.share_done,
            learning_rate=self._rate,
            images_per_s=stretch.images_per_s,
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
        state.curve.append(progress)
        if self._on_progress:
            self._on_progress(progress)

    def look(self) -> None:
        """Measure the held-out images, keep the weights that did best on them, and say when patience ends."""
        state, config = self._state, self._config
        if self._held_out is None or not family_of(state.model).is_begun(state.model):
            return
        point = HeldOutPoint(state.step, self._held_out.measure(state.judged_model, state.step))
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

    def inspect(self) -> None:
        """Bound the information and keep a snapshot, where that is due."""
        self._inspections.measure_information(self._state)
        self._take_snapshot()

    def conclude(self) -> None:
        """Do both for the last weights, unless they are given up."""
        self._take_snapshot()
        if not self.gives_up():
            self._inspections.measure_last_information(self._state)

    def gives_up(self) -> bool:
        """Whether the events so far ask for another attempt."""
        return self._stop_when is not None and self._stop_when(self._state.events, self._batches.steps_per_epoch)

    def save(self, seconds_used: float) -> None:
        """Keep the state."""
        self._keeper.save(self._state, seconds_used)

    def _schedule(self, share: float, step: int) -> LossWeights:
        """Set the rate of the step after `step` steps, and give the weights of its loss."""
        config = self._config
        self._rate = learning_rate(share, config.learning_rate, config.final_learning_rate)
        weights = anneal(config, share=share, step=step, steps_per_epoch=self._batches.steps_per_epoch)
        self._beta = weights.beta
        return weights

    def _take_snapshot(self) -> None:
        """Keep a snapshot where the share of the budget passed a moment for one since the last time."""
        if not self._config.snapshots:
            return
        before, self._inspected_share = self._inspected_share, self._meter.share(self._state.step)
        if not self._warming:
            self._inspections.snapshot(self._state, self._beta, before, self._inspected_share)

    def _final_beta(self) -> float:
        """That of the last step; of a model without a KL, whose reports name none, the recipe's."""
        told = self._state.curve[-1].beta
        return self._config.beta if told is None else told

    def _watch(self, report: StepReport, *, warming: bool) -> None:
        """Look for collapse in the step's terms, and at the end of an epoch at what the objective counted over it."""
        state = self._state
        # codes that cannot move cannot collapse
        kl_dims = report.terms.get(KL_DIMS) if self._config.trains == "all" else None
        if kl_dims is not None and (event := state.monitor.watch(state.step, kl_dims, warming=warming)):
            state.events.append(event)
        if state.step % self._batches.steps_per_epoch == 0:
            state.events += state.objective.end_epoch(state.step)
