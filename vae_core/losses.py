"""The terms of the evidence lower bound that no likelihood decides, in nats, always in float32 or better."""

import torch

from vae_core.likelihoods import bernoulli_nll
from vae_core.ranks import ALONE, Ranks

__all__ = ["bernoulli_nll", "free_bits", "kl_divergence"]


def kl_divergence(mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)) per image and dimension (B, D), nats, at least 0 but for rounding.

    Kingma & Welling 2014, appendix B. `expm1` keeps the digits of an inactive dimension, where 1 + logvar -
    exp(logvar) cancels.
    """
    return 0.5 * (mu.square() + torch.expm1(logvar) - logvar)


def free_bits(kl_dims: torch.Tensor, floor: float, ranks: Ranks = ALONE) -> torch.Tensor:
    """Sum a batch's KL (scalar, nats) with every dimension counting at least `floor`: that much is free.

    kl_dims is (B, D); the floor holds for the batch mean of each dimension (Kingma et al. 2016, appendix
    C.8). Of several `ranks` each has its rows of the batch; the value is that of the whole batch, the gradient that of
    the rows.
    """
    mean = kl_dims.mean(0)
    if ranks.size > 1:
        mean = mean + (ranks.mean(mean) - mean).detach()
    return mean.clamp(min=floor).sum()
