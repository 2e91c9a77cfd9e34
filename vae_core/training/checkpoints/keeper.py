"""From a state to its checkpoint and back: what of a fit outlives the process that runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol

import torch

from vae_core.errors import CheckpointError
from vae_core.ranks import ALONE, Ranks
from vae_core.training.checkpoints.checkpoint import Checkpoint, CheckpointFolder, H
from vae_core.training.health.events import EventKind, TrainEvent


class Resumable(Protocol[H]):
    """A fit between two steps."""

    step: int

    def to_header(self, identity: Any, seconds_used: float) -> H:
        """What of it is no tensor."""
        ...

    def to_tensors(self) -> Mapping[str, torch.Tensor]:
        """What of it are tensors, contiguous and on the CPU."""
        ...

    def restore_tensors(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take over what `to_tensors` gave; ValueError or KeyError when it is of another release."""
        ...

    def restore_header(self, header: H) -> None:
        """Take over what `to_header` gave."""
        ...

    def hear(self, events: Sequence[TrainEvent]) -> None:
        """Take what happened to its checkpoints."""
        ...

    def onsets(self) -> Sequence[int]:
        """The steps at which a collapse may have begun, whose elder checkpoints are kept."""
        ...


class Keeper(Generic[H]):
    """Keeps one fit in a folder, or nothing where there is none; `saved_step` is the newest kept.

    Of several `ranks` the first process writes, and the others wait until it has written.
    """

    def __init__(self, folder: Path | None, identity: Any, header: type[H], ranks: Ranks = ALONE) -> None:
        self._checkpoints = CheckpointFolder(folder, identity, header) if folder else None
        self._identity, self._ranks = identity, ranks
        self.saved_step: int | None = None

    def resume(self, state: Resumable[H]) -> float:
        """Take over the newest checkpoint; the seconds that the fit had used by then."""
        if self._checkpoints is None:
            return 0.0
        checkpoint, damaged = self._checkpoints.newest()
        if checkpoint is None:
            state.hear(damaged)
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
        state.restore_header(header)
        state.hear(
            [*damaged, TrainEvent(EventKind.resumed, header.step, f"resumed from the checkpoint of step {header.step}")]
        )
        return header.seconds_used

    def save(self, state: Resumable[H], seconds_used: float) -> None:
        """Keep the state as it is between two steps."""
        if self._checkpoints is None:
            return
        if self._ranks.rank == 0:
            header = state.to_header(self._identity, seconds_used)
            self._checkpoints.save(Checkpoint(header, state.to_tensors()), state.onsets())
        self.saved_step = int(self._ranks.first(state.step))
