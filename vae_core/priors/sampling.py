"""What new images are drawn from: the fitted prior of a version, whichever kind its model needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch

from vae_core.errors import ArtifactError
from vae_core.families.configs import ModelConfig
from vae_core.families.variants import AnyModel
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.families.vq_vae.model import VqVae
from vae_core.priors.code_prior import CodePrior
from vae_core.priors.gaussian_mixture import GaussianMixturePrior

PriorKind = Literal["gaussian_mixture", "code_transformer"]
SamplingPrior = GaussianMixturePrior | CodePrior


def kind_of(prior: SamplingPrior) -> PriorKind:
    """The name under which a version's document has the prior."""
    return "code_transformer" if isinstance(prior, CodePrior) else "gaussian_mixture"


def parse_prior(kind: PriorKind | None, tensors: Mapping[str, torch.Tensor]) -> SamplingPrior:
    """Rebuild a prior of a kind from its tensors; ArtifactError when they are no such prior."""
    return (CodePrior if kind == "code_transformer" else GaussianMixturePrior).from_tensors(tensors)


def require_prior_of(prior: SamplingPrior, config: ModelConfig) -> None:
    """ArtifactError unless the prior is over the codes of a model of this config."""
    if isinstance(config, VqVaeConfig):
        if not isinstance(prior, CodePrior):
            raise ArtifactError(
                f"prior: expected one over codes for {config.variant}, came {kind_of(prior)}; fit the prior again"
            )
        prior.require_codes_of(config.grid, config.codes)
    elif isinstance(prior, CodePrior):
        raise ArtifactError(
            f"prior: expected a mixture for variant {config.variant}, came {kind_of(prior)}; fit the prior again"
        )
    elif prior.latent_dim != config.latent_dim:
        raise ArtifactError(
            f"prior: codes have {prior.latent_dim} dimensions, the model's {config.latent_dim}; measure it again"
        )


@torch.inference_mode()
def decode_draws(model: AnyModel, prior: SamplingPrior, n: int, generator: torch.Generator) -> torch.Tensor:
    """Draw n codes from a model's prior and decode them in one pass: mean images (n, C, H, W) on [0, 1]."""
    codes = prior.sample(n, generator)
    if isinstance(model, VqVae):
        device = next(model.parameters()).device
        return model.decode_codes(codes.to(device))
    return model.decode(codes)
