"""Which fit of a code prior a checkpoint belongs to, and what of it is no tensor."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from vae_core.documents import SHA256
from vae_core.priors.code_prior import CodePrior
from vae_core.priors.code_prior_config import CodePriorConfig, CodePriorRecipe
from vae_core.priors.code_set import CodeSet
from vae_core.training.checkpoints.checkpoint import Header
from vae_core.training.checkpoints.differences import describe_other
from vae_core.weights import copy_weights, digest_weights

_WORDS = {"codes_digest": "codes", "initial_digest": "warm start", "weights_digest": "weights of the images"}


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
        return describe_other(self, other, _WORDS)


class FitHeader(Header):
    """What of a fit's checkpoint is no tensor."""

    identity: FitIdentity


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
