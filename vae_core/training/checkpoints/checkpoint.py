"""Checkpoints of one fit, sealed folders: the newest and those before an onset; a damaged one gives way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError
from safetensors.torch import load, save

from vae_core.documents import parse_document, to_canonical_json
from vae_core.errors import CheckpointError, SealError
from vae_core.training.checkpoints.identity import TrainingIdentity
from vae_core.training.checkpoints.sealed_steps import SealedSteps
from vae_core.training.health.events import EventKind, TrainEvent

HEADER, TENSORS = "checkpoint.json", "tensors.safetensors"


class Header(BaseModel):
    """What is no tensor of any fit: the position in the data follows from `step`, the learning rate from the budget."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: ClassVar[str] = "fit"

    schema_version: Literal[1] = 1
    step: int = Field(ge=0, description="steps done")
    seconds_used: float = Field(ge=0, description="of the fit's clock")


class CheckpointHeader(Header):
    """That of a training of a model."""

    what: ClassVar[str] = "training"

    identity: TrainingIdentity
    kl_steps_below: int = Field(ge=0, description="of the collapse monitor")
    active_steps_below: int = Field(0, ge=0, description="of the collapse monitor")
    active_steps_warming: int = Field(0, ge=0, description="of the collapse monitor")
    events: tuple[TrainEvent, ...]


H = TypeVar("H", bound=Header)


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint(Generic[H]):
    """One point of a fit that it can go on from."""

    header: H
    tensors: Mapping[str, torch.Tensor]


class CheckpointFolder(Generic[H]):
    """Where one fit keeps its checkpoints; one process writes at a time.

    `identity`: that of the fit, as its headers have it, with `differences` in words.
    """

    def __init__(self, folder: Path, identity: Any, header: type[H]) -> None:
        self._kept, self._identity, self._header = SealedSteps(folder), identity, header

    def newest(self, before: int | None = None) -> tuple[Checkpoint[H] | None, list[TrainEvent]]:
        """Find the newest whole checkpoint, or None, and an event for each damaged one that was passed over.

        With `before`, of fewer than so many steps. CheckpointError when it belongs to another fit.
        """
        checkpoint, damaged = self._kept.newest(self._read, before=before)
        return checkpoint, [TrainEvent(EventKind.checkpoint_damaged, each.step, each.reason) for each in damaged]

    def save(self, checkpoint: Checkpoint[H], onsets: Sequence[int] = ()) -> None:
        """Write a checkpoint, whole or not at all, and drop all but two; CheckpointError when that fails.

        Where a collapse may have begun, at one of `onsets`, the newest one of before it is kept as well.
        """
        files = {HEADER: to_canonical_json(checkpoint.header), TENSORS: save(dict(checkpoint.tensors))}
        self._kept.save(checkpoint.header.step, files, f"the {self._header.what}")
        steps = self._kept.steps
        self._kept.drop_old(
            but={max(older) for onset in onsets if (older := [each for each in steps if each < onset - 1])}
        )

    def _read(self, folder: Path, files: Mapping[str, bytes]) -> Checkpoint[H]:
        try:
            header = parse_document(self._header, files[HEADER])
            self._require_same_fit(folder, header)
            return Checkpoint(header, load(files[TENSORS]))
        except (KeyError, ValueError, SafetensorError) as error:
            raise SealError(f"{folder}: no checkpoint of this release ({error})") from error

    def _require_same_fit(self, folder: Path, header: Any) -> None:
        found = header.identity
        if found == self._identity:
            return
        other = "; ".join(f"other {each}" for each in found.differences(self._identity))
        raise CheckpointError(
            f"checkpoint {folder}: belongs to another {self._header.what} ({other}); "
            "choose another checkpoint folder, or remove this one to begin anew"
        )
