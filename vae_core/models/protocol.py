"""What every variant answers, so that losses, inference and evaluation need not know which one it is."""

from typing import NamedTuple, Protocol

import torch


class Posterior(NamedTuple):
    """q(z|x) = N(mu, exp(logvar)) for each image: two float32 tensors (B, D); logvar lies in [-10, 10]."""

    mu: torch.Tensor
    logvar: torch.Tensor


class Vae(Protocol):
    """An image VAE with a Gaussian posterior and a Bernoulli likelihood."""

    latent_dim: int

    def encode(self, x: torch.Tensor) -> Posterior:
        """Infer the posterior of images x (B, C, H, W) on [0, 1]."""
        ...

    def decode_logits(self, z: torch.Tensor) -> torch.Tensor:
        """Decode codes z (B, D) to Bernoulli logits (B, C, H, W) float32."""
        ...

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Decode codes z (B, D) to the mean image (B, C, H, W) on [0, 1]."""
        ...
