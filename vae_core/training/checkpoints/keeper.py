"""From a state to its checkpoint and back: what of a training outlives the process that runs it."""

from __future__ import annotations

from pathlib import Path

from vae_core.errors import CheckpointError
from vae_core.training.checkpoints.checkpoint import Checkpoint, CheckpointFolder, CheckpointHeader
from vae_core.training.checkpoints.identity import TrainingIdentity
from vae_core.training.checkpoints.state import TrainingState
from vae_core.training.health.events import EventKind, TrainEvent
from vae_core.training.health.monitor import CollapseMonitor


class Keeper:
    """Keeps one training in a folder, or nothing where there is none; `saved_step` is the newest kept."""

    def __init__(self, folder: Path | None, identity: TrainingIdentity) -> None:
        self._checkpoints = CheckpointFolder(folder, identity) if folder else None
        self._identity = identity
        self.saved_step: int | None = None

    def resume(self, state: TrainingState) -> float:
        """Take over the newest checkpoint; the seconds that the training had used by then."""
        if self._checkpoints is None:
            return 0.0
        checkpoint, damaged = self._checkpoints.newest()
        if checkpoint is None:
            state.events += damaged
            return 0.0
        header = checkpoint.header
        try:
            state.restore_tensors(checkpoint.tensors)
        except (KeyError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"checkpoint of step {header.step}: written by another release ({error}); "
                "remove the folder to begin anew"
            ) from error
        state.step = self.saved_step = header.step
        state.monitor = CollapseMonitor(header.kl_steps_below, header.active_steps_below, header.active_steps_warming)
        resumed = TrainEvent(EventKind.resumed, header.step, f"resumed from the checkpoint of step {header.step}")
        state.events += [*header.events, *damaged, resumed]
        return header.seconds_used

    def save(self, state: TrainingState, seconds_used: float) -> None:
        """Keep the state as it is between two steps."""
        if self._checkpoints is None:
            return
        header = CheckpointHeader(
            identity=self._identity,
            step=state.step,
            seconds_used=seconds_used,
            kl_steps_below=state.monitor.kl_steps_below,
            active_steps_below=state.monitor.active_steps_below,
            active_steps_warming=state.monitor.active_steps_warming,
            events=tuple(state.events),
        )
        self._checkpoints.save(Checkpoint(header, state.to_tensors()), state.monitor.onsets(state.step))
        self.saved_step = state.step
