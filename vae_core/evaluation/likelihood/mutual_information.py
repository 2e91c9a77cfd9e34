"""How much the codes tell about the images, I(x; z) in nats, between two bounds.

Below: the aggregated posterior of N images stands in for q(z),

    I(x; z) ≥ E log q(z_i|x_i) - log 1/N Σ_j q(z_i|x_j),   z_i ~ q(z|x_i)

(Hoffman & Johnson 2016; Poole et al. 2019, equation 10, with the true density ratio). It can never exceed log N, so a
value near log N says only that there is at least so much. Above: the mean KL(q(z|x) || p(z)), which is I(x; z) plus
the distance of q(z) from the prior (Barber & Agakov 2003). Near 0 is collapse; a healthy model has more than 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from vae_core.errors import DataError
from vae_core.evaluation.mean_estimate import MeanEstimate, estimate_mean
from vae_core.families.conv_vae.protocol import Posterior
from vae_core.losses import kl_divergence

BLOCK = 1024
"""Codes, and posteriors, of one block of the N x N densities: 8 MB in float64."""


@dataclass(frozen=True, slots=True)
class MutualInformation:
    """Bounds on I(x; z), nats per image, over n held-out images: lower ≤ I ≤ upper, each with the images' interval."""

    lower: MeanEstimate
    upper: MeanEstimate
    n: int


@torch.no_grad()
def measure_mutual_information(
    posterior: Posterior, generator: torch.Generator, *, block: int = BLOCK, level: float = 0.95
) -> MutualInformation:
    """Bound I(x; z) from the posteriors (N, D) of N ≥ 2 images, one draw each; 10,000 or more are wanted.

    Posterior and generator live on one device; N² densities in float64, a block at a time. DataError for fewer than two
    images; DivergenceError when a parameter is NaN or infinite.
    """
    mu, logvar = (each.double() for each in posterior)
    if mu.ndim != 2 or mu.shape != logvar.shape or len(mu) < 2:
        raise DataError(
            f"mutual information: expected mu and logvar of one shape (N ≥ 2, D), came {tuple(mu.shape)} and "
            f"{tuple(logvar.shape)}; encode more images"
        )
    noise = torch.randn(mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)
    z = mu + torch.exp(0.5 * logvar) * noise
    # the constant -D/2 log 2π is in both densities and cancels
    own = -0.5 * (noise.square() + logvar).sum(1)
    return MutualInformation(
        lower=estimate_mean(own - (_log_sum_of_densities(z, mu, logvar, block) - math.log(len(mu))), level),
        upper=estimate_mean(kl_divergence(mu, logvar).sum(1), level),
        n=len(mu),
    )


def _log_sum_of_densities(z: torch.Tensor, mu: torch.Tensor, logvar: torch.Tensor, block: int) -> torch.Tensor:
    """Sum the densities of z_i under all N posteriors: log Σ_j q(z_i|x_j) without its constant, (N,).

    The square is multiplied out, so that it is one matrix product; in float64, since with variances
    down to exp(-10) terms of the order 1e5 cancel.
    """
    precision = torch.exp(-logvar)
    factors = torch.cat([-0.5 * precision, precision * mu], dim=1)
    offsets = -0.5 * (precision * mu.square() + logvar).sum(1)
    answers = []
    for some_z in torch.split(z, block):
        terms = torch.cat([some_z.square(), some_z], dim=1)
        running = torch.full((len(some_z),), -math.inf, dtype=z.dtype, device=z.device)
        for some_factors, some_offsets in zip(torch.split(factors, block), torch.split(offsets, block), strict=True):
            log_densities = torch.addmm(some_offsets, terms, some_factors.T)
            running = torch.logaddexp(running, torch.logsumexp(log_densities, dim=1))
        answers.append(running)
    return torch.cat(answers)
