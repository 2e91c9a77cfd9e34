"""The terms of the evidence lower bound, per image and in nats, always in float32 or better."""

import torch
import torch.nn.functional as functional


def kl_divergence(mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)) per image and dimension (B, D), nats, at least 0 but for rounding.

    Kingma & Welling 2014, appendix B. `expm1` keeps the digits of an inactive dimension, where 1 + logvar -
    exp(logvar) cancels.
    """
    return 0.5 * (mu.square() + torch.expm1(logvar) - logvar)


def bernoulli_nll(logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """-log p(x|z) per image (B,), in nats, summed over pixels; logits and x on [0, 1] are (B, C, H, W).

    Grey x stands for the expectation over its dynamic binarization, since the term is linear in x.
    """
    per_pixel = functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return per_pixel.flatten(1).sum(1)


def free_bits(kl_dims: torch.Tensor, floor: float) -> torch.Tensor:
    """Sum a batch's KL (scalar, nats) with every dimension counting at least `floor`: that much is free.

    kl_dims is (B, D); the floor holds for the batch mean of each dimension (Kingma et al. 2016, appendix
    C.8).
    """
    return kl_dims.mean(0).clamp(min=floor).sum()
