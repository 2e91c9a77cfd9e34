"""What new images are drawn from: the fitted prior of a version, whichever kind its model needs."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from vae_core.errors import ArtifactError
from vae_core.families.registry import family_of
from vae_core.families.variants import AnyModel
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


@torch.inference_mode()
def decode_draws(model: AnyModel, prior: SamplingPrior, n: int, generator: torch.Generator) -> torch.Tensor:
    """Draw n codes from a model's prior and decode them in one pass: mean images (n, C, H, W) on [0, 1]."""
    return family_of(model).decode(model, prior.sample(n, generator))
