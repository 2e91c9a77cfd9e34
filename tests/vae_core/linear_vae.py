"""A VAE whose every number is known in closed form, and features that are plain pixels."""

import hashlib

import numpy as np
import torch

from vae_core.families.conv_vae.config import LikelihoodName
from vae_core.families.conv_vae.protocol import Posterior
from vae_core.likelihoods import bernoulli_nll

SIDE = 4
SIGMA = 0.5


class LinearVae(torch.nn.Module):
    """Keeps the first pixels of a 4 x 4 grey image and answers 0.5 for all others.

    mu_d = gain_d · (pixel_d - 0.5), sigma = 0.5 everywhere, the decoder undoes the gain; a gain of 0 makes an
    inactive dimension.
    """

    variant = "conv_vae"
    likelihood_name: LikelihoodName = "bernoulli"

    def __init__(self, gains: tuple[float, ...] = (4.0, 4.0, 0.0)) -> None:
        super().__init__()
        self.latent_dim = len(gains)
        self.register_buffer("gains", torch.tensor(gains))

    def encode(self, x: torch.Tensor) -> Posterior:
        mu = (x.flatten(1)[:, : self.latent_dim] - 0.5) * self.gains
        return Posterior(mu, torch.full_like(mu, 2 * float(np.log(SIGMA))))

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        image = torch.full((len(z), SIDE * SIDE), 0.5)
        kept = torch.where(self.gains > 0, z / self.gains.clamp_min(1e-6), torch.zeros(()))
        image[:, : self.latent_dim] += kept
        return image.clamp(0.01, 0.99).view(-1, 1, SIDE, SIDE)

    def decode_logits(self, z: torch.Tensor) -> torch.Tensor:
        return torch.logit(self.decode(z))

    def nll(self, logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return bernoulli_nll(logits, x)


class PixelFeatures:
    """Pixels on [0, 1] as features: a feature space in which distances can be computed by hand."""

    name = "pixels"
    dim = SIDE * SIDE
    digest = hashlib.sha256(b"pixels").hexdigest()

    def extract(self, pixels: np.ndarray) -> np.ndarray:
        return pixels.reshape(len(pixels), -1).astype(np.float32) / 255


def draw_images(n: int, seed: int = 0) -> np.ndarray:
    """Uniform noise away from the ends, (n, 1, 4, 4) uint8, so that the model's clamp never bites."""
    return np.random.default_rng(seed).integers(40, 216, size=(n, 1, SIDE, SIDE), dtype=np.uint8)
