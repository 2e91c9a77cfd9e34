"""What losses, inference and evaluation ask of a model with a Gaussian posterior."""

from typing import NamedTuple, Protocol

import torch

from vae_core.families.conv_vae.config import LikelihoodName


class Posterior(NamedTuple):
    """q(z|x) = N(mu, exp(logvar)) for each image: two float32 tensors (B, D); logvar lies in [-10, 10]."""

    mu: torch.Tensor
    logvar: torch.Tensor


class Vae(Protocol):
    """An image VAE with a Gaussian posterior, whose decoder gives a mean image."""

    variant: str
    latent_dim: int
    likelihood_name: LikelihoodName

    def encode(self, x: torch.Tensor) -> Posterior:
        """Infer the posterior of images x (B, C, H, W) on [0, 1]."""
        ...

    def decode_logits(self, z: torch.Tensor) -> torch.Tensor:
        """Decode codes z (B, D) to the logits of the mean image (B, C, H, W) float32."""
        ...

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Decode codes z (B, D) to the mean image (B, C, H, W) on [0, 1]."""
        ...

    def nll(self, logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """-log p(x|z) per image (B,), nats, from the logits of `decode_logits`; comparable within a likelihood only."""
        ...
