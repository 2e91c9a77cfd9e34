"""Checkpoints of one training, sealed folders: the newest and those before an onset; a damaged one gives way."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError
from safetensors.torch import load, save

from vae_core.documents import parse_document, to_canonical_json
from vae_core.errors import CheckpointError, SealError
from vae_core.sealed_folder import open_sealed, seal_folder
from vae_core.training.checkpoints.identity import TrainingIdentity
from vae_core.training.health.events import EventKind, TrainEvent

HEADER, TENSORS = "checkpoint.json", "tensors.safetensors"
KEPT = 2


class CheckpointHeader(BaseModel):
    """What is no tensor: the position in the data follows from `step`, the learning rate from the budget."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    identity: TrainingIdentity
    step: int = Field(ge=0, description="steps done")
    seconds_used: float = Field(ge=0, description="of the training's clock")
    kl_steps_below: int = Field(ge=0, description="of the collapse monitor")
    active_steps_below: int = Field(0, ge=0, description="of the collapse monitor")
    active_steps_warming: int = Field(0, ge=0, description="of the collapse monitor")
    events: tuple[TrainEvent, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """One point of a training that it can go on from."""

    header: CheckpointHeader
    tensors: Mapping[str, torch.Tensor]


class CheckpointFolder:
    """Where one training keeps its checkpoints; one process writes at a time."""

    def __init__(self, folder: Path, identity: TrainingIdentity) -> None:
        self._folder = folder
        self._identity = identity
        self._damaged: list[Path] = []
        for partial in folder.glob(".step-*.tmp"):  # of a process that was killed while it wrote
            shutil.rmtree(partial, ignore_errors=True)

    def newest(self, before: int | None = None) -> tuple[Checkpoint | None, list[TrainEvent]]:
        """Find the newest whole checkpoint, or None, and an event for each damaged one that was passed over.

        With `before`, of fewer than so many steps. CheckpointError when it belongs to another training.
        """
        events: list[TrainEvent] = []
        for folder in reversed(self._steps()):
            if before is not None and _step_of(folder) >= before:
                continue
            try:
                return self._read(folder), events
            except SealError as error:
                self._damaged.append(folder)
                events.append(TrainEvent(EventKind.checkpoint_damaged, _step_of(folder), str(error)))
        return None, events

    def save(self, checkpoint: Checkpoint, onsets: Sequence[int] = ()) -> None:
        """Write a checkpoint, whole or not at all, and drop all but two; CheckpointError when that fails.

        Where a collapse may have begun, at one of `onsets`, the newest one of before it is kept as well.
        """
        for damaged in self._damaged:
            _remove(damaged)
        self._damaged.clear()
        folder = self._folder / f"step-{checkpoint.header.step:012d}"
        try:
            header = to_canonical_json(checkpoint.header)
            seal_folder(folder, {HEADER: header, TENSORS: save(dict(checkpoint.tensors))})
        except SealError as error:
            raise CheckpointError(
                f"checkpoint {error}; the training goes on from the last one when started again"
            ) from error
        steps = self._steps()
        before = {max(older) for onset in onsets if (older := [each for each in steps if _step_of(each) < onset - 1])}
        for old in steps[:-KEPT]:
            if old not in before:
                _remove(old)

    def _steps(self) -> list[Path]:
        return sorted(self._folder.glob("step-" + "[0-9]" * 12))

    def _read(self, folder: Path) -> Checkpoint:
        files = open_sealed(folder).files
        try:
            header = parse_document(CheckpointHeader, files[HEADER])
            self._require_same_training(folder, header.identity)
            return Checkpoint(header, load(files[TENSORS]))
        except (KeyError, ValueError, SafetensorError) as error:
            raise SealError(f"{folder}: no checkpoint of this release ({error})") from error

    def _require_same_training(self, folder: Path, found: TrainingIdentity) -> None:
        if found == self._identity:
            return
        other = "; ".join(f"other {each}" for each in found.differences(self._identity))
        raise CheckpointError(
            f"checkpoint {folder}: belongs to another training ({other}); "
            "choose another checkpoint folder, or remove this one to begin anew"
        )


def _step_of(folder: Path) -> int:
    return int(folder.name.removeprefix("step-"))


def _remove(folder: Path) -> None:
    """Remove a checkpoint so that a kill in the middle leaves no damaged one under its name."""
    partial = folder.with_name(f".{folder.name}.removed.tmp")
    shutil.rmtree(partial, ignore_errors=True)
    folder.rename(partial)
    shutil.rmtree(partial, ignore_errors=True)
