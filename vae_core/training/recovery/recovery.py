"""Training that acts on a collapse: the attempt is given up, and another one begins otherwise, at most three times.

The budget is that of the model that is handed over. An attempt that goes on from a checkpoint of before the onset has
what that checkpoint left of it, one that begins anew has all of it; what was given up costs time and no training. So a
training of N epochs hands over N epochs, and lasts up to four times as long in the worst case. A collapse is told 100
steps after its onset or after the warm-up, so that little is given up.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vae_core.config import TrainConfig
from vae_core.documents import to_canonical_json
from vae_core.errors import CheckpointError, SealError
from vae_core.families.configs import ModelConfig
from vae_core.families.variants import ImageModel
from vae_core.sealed_folder import seal_folder
from vae_core.training.checkpoints.checkpoint import Checkpoint, CheckpointFolder, CheckpointHeader
from vae_core.training.checkpoints.identity import identify_training
from vae_core.training.checkpoints.state import ModelBuilder, build_variant, weights_in
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.health.early_warning import early_warning_twin
from vae_core.training.health.events import EventKind, Recovery, StopReason, TrainEvent
from vae_core.training.health.progress import TrainProgress
from vae_core.training.loop import train
from vae_core.training.objectives.warmup import fit_warmup
from vae_core.training.recovery import attempts
from vae_core.training.recovery.attempts import Attempt, AttemptRecord, describe_changes, remaining_budget
from vae_core.training.recovery.recovery_plan import RecoveryPlan, find_trouble, plan_recovery
from vae_core.training.result import TrainResult
from vae_core.training.warm_start import take_encoder
from vae_core.weights import load_weights

MAX_RECOVERIES = 3

RECORD = "recovery.json"


def train_with_recovery(
    data: TrainingData,
    model_config: ModelConfig,
    train_config: TrainConfig,
    execution: Execution,
    *,
    initial: ImageModel | None = None,
    build: ModelBuilder = build_variant,
    on_twin_progress: Callable[[TrainProgress], None] | None = None,
    max_recoveries: int = MAX_RECOVERIES,
) -> TrainResult:
    """Train as `train` does, with the same arguments and errors, and begin again where the model collapses.

    Each recovery is an event `restarted` of the result, after the one that it answers; a collapse after the last one
    is an event and no more (`TrainResult.is_suspect`). The result's `train_config` and the config of its model say what
    was trained in the end. `on_progress` counts steps along the path to these weights, and so steps back where an
    attempt begins.

    The first attempt keeps its checkpoints in the folder itself, each other one in a folder within, with a record of
    what it does otherwise; killed at any moment and called again, all ends as it would have. Without a folder there is
    no checkpoint to go back to, and every attempt begins anew. With a `twin_share` an early-warning twin runs first,
    whose steps `on_twin_progress` hears.
    """
    run = _Recovering(data, execution, on_twin_progress, build, max_recoveries)
    attempt = Attempt(
        1, model_config, train_config, initial, events=run.warn_early(model_config, train_config, initial)
    )
    while True:
        result = run.make(attempt, initial is not None)
        if result.stop_reason != StopReason.recovering:
            events = (*attempt.events, *attempt.own_events(result))
            return attempt.path.joined(result, train_config.budget, events, attempt.resumed_at(result))
        attempt = run.follow(attempt, result, train_config, initial)


@dataclass(frozen=True, slots=True, eq=False)
class _Recovering:
    """One call of `train_with_recovery`: what all its attempts have in common."""

    data: TrainingData
    execution: Execution
    on_twin_progress: Callable[[TrainProgress], None] | None
    build: ModelBuilder
    max_recoveries: int

    def warn_early(
        self, model: ModelConfig, training: TrainConfig, initial: ImageModel | None
    ) -> tuple[TrainEvent, ...]:
        """Run the twin where the recipe asks for one; its warning, or nothing."""
        if not training.twin_share:
            return ()
        folder = self.execution.checkpoint_folder
        execution = replace(
            self.execution,
            checkpoint_folder=folder / "twin" if folder else None,
            on_progress=self.on_twin_progress,
        )
        share = training.twin_share
        warning = early_warning_twin(
            self.data, model, training, execution, share=share, initial=initial, build=self.build
        )
        return () if warning is None else (warning,)

    def make(self, attempt: Attempt, warm_start: bool) -> TrainResult:
        """Train an attempt to its end, or to a collapse that something can still be done about."""
        heard = self.execution.on_progress
        execution = replace(
            self.execution,
            checkpoint_folder=self._folder_of(attempt.number),
            on_progress=(lambda point: heard(attempt.path.moved(point))) if heard else None,
        )
        return train(
            self.data,
            attempt.model,
            attempt.training,
            execution,
            initial=attempt.initial,
            build=self.build,
            stop_when=lambda events, steps: self._plan(attempt, events, steps, warm_start) is not None,
        )

    def follow(self, attempt: Attempt, result: TrainResult, asked: TrainConfig, initial: ImageModel | None) -> Attempt:
        """Begin the attempt after one that was given up: from its checkpoint of before the onset, or anew."""
        steps_per_epoch = round(result.steps / result.epochs)
        plan = self._plan(attempt, result.events, steps_per_epoch, initial is not None)
        assert plan is not None, "an attempt is given up for another one"
        checkpoint, damaged = self._sound_checkpoint(attempt, plan)
        path, start = attempts.Path(), initial
        if checkpoint and plan.keeps_model:
            step, seconds, budget = checkpoint.header.step, checkpoint.header.seconds_used, attempt.training.budget
            path = attempt.path.extended(result, step, seconds, budget.amount, budget.unit)
            start = self._restore(checkpoint, attempt)
        elif checkpoint:
            start = self.build(plan.model, asked.seed)
            take_encoder(start, self._restore(checkpoint, attempt))
        training = plan.training.model_copy(update={"budget": remaining_budget(asked.budget, path)})
        training = fit_warmup(training, steps_per_epoch) if path.steps else training
        recovery = Recovery(
            attempt=attempt.number + 1,
            action=plan.action,
            cause=plan.cause,
            from_step=path.steps,
            warm_encoder=checkpoint is not None and not plan.keeps_model,
            changes=describe_changes((attempt.model, attempt.training), (plan.model, training)),
        )
        ranks = self.execution.ranks
        if ranks.rank == 0:
            self._record(AttemptRecord(number=recovery.attempt, model=plan.model, training=training, recovery=recovery))
        ranks.first(recovery.attempt)  # the others wait until it is written
        at = attempt.path.steps + result.steps
        damage = [replace(event, step=attempt.path.steps + event.step) for event in damaged]
        restarted = TrainEvent(EventKind.restarted, at, _describe(recovery), recovery=recovery)
        return Attempt(
            number=recovery.attempt,
            model=plan.model,
            training=training,
            initial=start,
            path=path,
            events=(*attempt.events, *attempt.own_events(result), *damage, restarted),
            resumed_from_step=attempt.resumed_at(result),
        )

    def _plan(
        self, attempt: Attempt, events: Sequence[TrainEvent], steps_per_epoch: int, warm_start: bool
    ) -> RecoveryPlan | None:
        """What to do about the events of an attempt: None while it is sound, or when nothing is left to be tried."""
        trouble = find_trouble(events, steps_per_epoch)
        if trouble is None or attempt.number > self.max_recoveries:
            return None
        return plan_recovery(trouble, attempt.model, attempt.training, warm_start=warm_start)

    def _folder_of(self, number: int) -> Path | None:
        folder = self.execution.checkpoint_folder
        return folder if folder is None or number == 1 else folder / f"attempt-{number}"

    def _sound_checkpoint(
        self, attempt: Attempt, plan: RecoveryPlan
    ) -> tuple[Checkpoint[CheckpointHeader] | None, list[TrainEvent]]:
        """The attempt's newest checkpoint of before the onset, or None, and an event for each damaged one."""
        folder = self._folder_of(attempt.number)
        if folder is None or plan.onset_step is None:
            return None, []
        identity = identify_training(attempt.model, attempt.training, self.data, attempt.initial)
        return CheckpointFolder(folder, identity, CheckpointHeader).newest(before=plan.onset_step - 1)

    def _restore(self, checkpoint: Checkpoint[CheckpointHeader], attempt: Attempt) -> ImageModel:
        model = self.build(attempt.model, attempt.training.seed)
        load_weights(model, weights_in(checkpoint.tensors))
        return model.to(self.execution.device)

    def _record(self, record: AttemptRecord) -> None:
        """Write down what an attempt does; one that was begun otherwise is dropped with those after it."""
        whole, folder = self.execution.checkpoint_folder, self._folder_of(record.number)
        if whole is None or folder is None:
            return
        files = {RECORD: to_canonical_json(record)}
        try:
            seal_folder(folder / "recovery", files)
        except SealError as error:
            if not (folder / "recovery").exists():
                raise CheckpointError(f"checkpoint {error}; the training goes on when started again") from error
            for number in range(record.number, self.max_recoveries + 2):
                shutil.rmtree(whole / f"attempt-{number}", ignore_errors=True)
            seal_folder(folder / "recovery", files)


def _describe(recovery: Recovery) -> str:
    changed = ", ".join(f"{each.field} {each.before} to {each.after}" for each in recovery.changes)
    begins = f"goes on from the checkpoint of step {recovery.from_step}" if recovery.from_step else "begins anew"
    if recovery.warm_encoder:
        begins += " with the encoder of a checkpoint from before the onset"
    action, cause = recovery.action.replace("_", " "), recovery.cause.replace("_", " ")
    return f"attempt {recovery.attempt} ({action}, because of {cause}): {changed}; {begins}"
