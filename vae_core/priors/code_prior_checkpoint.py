"""Checkpoints of one fit of a code prior: sealed folders, the two newest kept; a damaged one gives way to its elder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError
from safetensors.torch import load, save

from vae_core.documents import SHA256, parse_document, to_canonical_json
from vae_core.errors import CheckpointError, SealError
from vae_core.priors.code_prior import CodePrior
from vae_core.priors.code_prior_config import CodePriorConfig, CodePriorRecipe
from vae_core.priors.code_prior_state import CodePriorState
from vae_core.priors.code_set import CodeSet
from vae_core.sealed_folder import open_sealed, seal_folder
from vae_core.training.checkpoints.differences import describe_differences
from vae_core.weights import copy_weights, digest_weights

HEADER, TENSORS = "checkpoint.json", "tensors.safetensors"
KEPT = 2


class FitIdentity(BaseModel):
    """Another prior, recipe, seed, start or set of codes is another fit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: CodePriorConfig
    recipe: CodePriorRecipe
    seed: int
    codes_digest: str = Field(pattern=SHA256)
    initial_digest: str | None = Field(None, pattern=SHA256)
    weights_digest: str | None = Field(None, pattern=SHA256)

    def differences(self, other: FitIdentity) -> list[str]:
        """What is not the same in both, in a person's words; of configs also the values here and in the other."""
        words = {"codes_digest": "codes", "initial_digest": "warm start", "weights_digest": "weights of the images"}
        told = []
        for name in type(self).model_fields:
            ours, theirs = getattr(self, name), getattr(other, name)
            if ours != theirs:
                values = f": {describe_differences(ours, theirs)}" if isinstance(ours, BaseModel) else ""
                told.append(words.get(name, name) + values)
        return told


class FitHeader(BaseModel):
    """What of a checkpoint is no tensor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    identity: FitIdentity
    seconds: float = Field(ge=0, description="of the fit's clock")


class CodePriorKeeper:
    """Keeps one fit in a folder; one process writes at a time. `saved_step` is the newest kept."""

    def __init__(self, folder: Path, identity: FitIdentity) -> None:
        self._folder, self._identity = folder, identity
        self._damaged: list[Path] = []
        self.saved_step: int | None = None
        for partial in folder.glob(".step-*.tmp"):  # of a process that was killed while it wrote
            shutil.rmtree(partial, ignore_errors=True)

    def resume(self, state: CodePriorState) -> float:
        """Take over the newest whole checkpoint, if any; the seconds that the fit had used by then.

        CheckpointError when it belongs to another fit or release.
        """
        for folder in reversed(self._steps()):
            try:
                files = open_sealed(folder).files
            except SealError:
                self._damaged.append(folder)
                continue
            seconds = self._take_over(folder, files[HEADER], files[TENSORS], state)
            self.saved_step = state.step
            return seconds
        return 0.0

    def save(self, state: CodePriorState, seconds: float) -> None:
        """Keep the state as it is between two steps, whole or not at all, and drop all but the two newest."""
        for damaged in self._damaged:
            _remove(damaged)
        self._damaged.clear()
        header = to_canonical_json(FitHeader(identity=self._identity, seconds=seconds))
        try:
            seal_folder(self._folder / f"step-{state.step:012d}", {HEADER: header, TENSORS: save(state.to_tensors())})
        except SealError as error:
            raise CheckpointError(
                f"checkpoint {error}; the fit goes on from the last one when started again"
            ) from error
        self.saved_step = state.step
        for old in self._steps()[:-KEPT]:
            _remove(old)

    def _take_over(self, folder: Path, header: bytes, tensors: bytes, state: CodePriorState) -> float:
        try:
            document = parse_document(FitHeader, header)
        except ValueError as error:
            raise CheckpointError(_other_release(folder, error)) from error
        if document.identity != self._identity:
            other = "; ".join(f"other {each}" for each in document.identity.differences(self._identity))
            raise CheckpointError(
                f"checkpoint {folder}: belongs to another fit ({other}); "
                "choose another checkpoint folder, or remove this one to begin anew"
            )
        try:
            state.restore_tensors(load(tensors))
        except (KeyError, ValueError, RuntimeError, SafetensorError) as error:
            raise CheckpointError(_other_release(folder, error)) from error
        return document.seconds

    def _steps(self) -> list[Path]:
        return sorted(self._folder.glob("step-" + "[0-9]" * 12))


def identify_fit(
    config: CodePriorConfig,
    recipe: CodePriorRecipe,
    seed: int,
    codes: CodeSet,
    initial: CodePrior | None,
    weights: np.ndarray | None,
) -> FitIdentity:
    """Identify a fit by what it was given."""
    return FitIdentity(
        config=config,
        recipe=recipe,
        seed=seed,
        codes_digest=digest_weights({"codes": codes.codes}),
        initial_digest=None if initial is None else digest_weights(copy_weights(initial)),
        weights_digest=None if weights is None else digest_weights({"weights": torch.from_numpy(weights)}),
    )


def _other_release(folder: Path, error: Exception) -> str:
    return f"checkpoint {folder}: written by another release ({error}); remove it to begin anew"


def _remove(folder: Path) -> None:
    """Remove a checkpoint so that a kill in the middle leaves no damaged one under its name."""
    partial = folder.with_name(f".{folder.name}.removed.tmp")
    shutil.rmtree(partial, ignore_errors=True)
    folder.rename(partial)
    shutil.rmtree(partial, ignore_errors=True)
