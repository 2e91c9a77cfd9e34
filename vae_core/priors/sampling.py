"""What new images are drawn from: the fitted prior of a version, whichever kind its model needs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from vae_core.errors import ArtifactError
from vae_core.priors.code_prior import CodePrior
from vae_core.priors.code_prior_config import Grid
from vae_core.priors.gaussian_mixture import GaussianMixturePrior
from vae_core.priors.prior_kind import PriorKind

SamplingPrior = GaussianMixturePrior | CodePrior


PRIORS: Mapping[PriorKind, type[GaussianMixturePrior] | type[CodePrior]] = {
    GaussianMixturePrior.kind: GaussianMixturePrior,
    CodePrior.kind: CodePrior,
}


def parse_prior(kind: PriorKind | None, tensors: Mapping[str, torch.Tensor]) -> SamplingPrior:
    """Rebuild a prior of a kind from its tensors; ArtifactError when they are no such prior."""
    return PRIORS[kind or GaussianMixturePrior.kind].from_tensors(tensors)


def require_mixture(prior: SamplingPrior, variant: str, latent_dim: int) -> None:
    """ArtifactError unless the prior is a mixture over codes of so many dimensions."""
    if isinstance(prior, CodePrior):
        raise ArtifactError(f"prior: expected a mixture for variant {variant}, came {prior.kind}; fit the prior again")
    if prior.latent_dim != latent_dim:
        raise ArtifactError(
            f"prior: codes have {prior.latent_dim} dimensions, the model's {latent_dim}; measure it again"
        )


def require_code_prior(prior: SamplingPrior, variant: str, grid: Grid, codes: int) -> None:
    """ArtifactError unless the prior is over grids of this size, of so many codes."""
    if not isinstance(prior, CodePrior):
        raise ArtifactError(f"prior: expected one over codes for {variant}, came {prior.kind}; fit the prior again")
    prior.require_codes_of(grid, codes)


@torch.no_grad()
def mean_code_nats(prior: SamplingPrior, codes: np.ndarray) -> float:
    """What a prior over codes needs for one of the codes (N, h, w), in nats; lower is better."""
    assert isinstance(prior, CodePrior), "codes have a prior over codes"
    return -float(prior.log_prob(codes).double().mean()) / prior.config.positions
