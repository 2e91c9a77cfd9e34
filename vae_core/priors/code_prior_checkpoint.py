"""Checkpoints of one fit of a code prior: sealed folders, the two newest kept; a damaged one gives way to its elder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError
from safetensors.torch import load, save

from vae_core.documents import SHA256, parse_document, to_canonical_json
from vae_core.errors import CheckpointError
from vae_core.priors.code_prior import CodePrior
from vae_core.priors.code_prior_config import CodePriorConfig, CodePriorRecipe
from vae_core.priors.code_prior_state import CodePriorState
from vae_core.priors.code_set import CodeSet
from vae_core.training.checkpoints.differences import describe_differences
from vae_core.training.checkpoints.sealed_steps import SealedSteps
from vae_core.weights import copy_weights, digest_weights

HEADER, TENSORS = "checkpoint.json", "tensors.safetensors"


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
        self._kept, self._identity = SealedSteps(folder), identity
        self.saved_step: int | None = None

    def resume(self, state: CodePriorState) -> float:
        """Take over the newest whole checkpoint, if any; the seconds that the fit had used by then.

        CheckpointError when it belongs to another fit or release.
        """
        seconds, _ = self._kept.newest(lambda folder, files: self._take_over(folder, files, state))
        if seconds is None:
            return 0.0
        self.saved_step = state.step
        return seconds

    def save(self, state: CodePriorState, seconds: float) -> None:
        """Keep the state as it is between two steps, whole or not at all, and drop all but the two newest."""
        header = to_canonical_json(FitHeader(identity=self._identity, seconds=seconds))
        self._kept.save(state.step, {HEADER: header, TENSORS: save(state.to_tensors())}, "the fit")
        self.saved_step = state.step
        self._kept.drop_old()

    def _take_over(self, folder: Path, files: Mapping[str, bytes], state: CodePriorState) -> float:
        try:
            document = parse_document(FitHeader, files[HEADER])
        except ValueError as error:
            raise CheckpointError(_other_release(folder, error)) from error
        if document.identity != self._identity:
            other = "; ".join(f"other {each}" for each in document.identity.differences(self._identity))
            raise CheckpointError(
                f"checkpoint {folder}: belongs to another fit ({other}); "
                "choose another checkpoint folder, or remove this one to begin anew"
            )
        try:
            state.restore_tensors(load(files[TENSORS]))
        except (KeyError, ValueError, RuntimeError, SafetensorError) as error:
            raise CheckpointError(_other_release(folder, error)) from error
        return document.seconds


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
