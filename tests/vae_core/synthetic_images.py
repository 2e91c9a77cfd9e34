"""Small images with something to learn: a bright box on a gradient, and the smallest models that fit them."""

import numpy as np
import torch

from vae_core.config import Budget, TrainConfig
from vae_core.families.build import build_model
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.families.vq_vae.model import VqVae
from vae_core.images.preprocessing import to_unit

TINY = ConvVaeConfig(height=8, width=8, widths=(4, 8), latent_dim=4)
TINY_VQ = VqVaeConfig(height=8, width=8, widths=(4, 8), codebook_size=16, code_dim=8)


def boxes(count: int, *, size: int = 8, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Uint8 (count, channels, size, size)."""
    generator = np.random.default_rng(seed)
    images = np.tile(np.linspace(0, 60, size), (count, channels, size, 1))
    for image in images:
        top, left = generator.integers(0, size // 2, 2)
        image[:, top : top + size // 2, left : left + size // 2] = generator.integers(120, 250)
    return images.astype(np.uint8)


def recipe(amount: float = 20, unit: str = "steps", **changes: object) -> TrainConfig:
    """Plan a training of a few small steps."""
    values = {"batch_size": 16, "precision": "fp32", **changes}
    return TrainConfig(budget=Budget(amount=amount, unit=unit), **values)


def tiny_vq_vae(seed: int = 5) -> VqVae:
    """Build an untrained VQ-VAE whose codes are those of the boxes; in eval mode."""
    model = build_model(TINY_VQ, seed)
    model.start_codes([to_unit(boxes(40))], torch.Generator().manual_seed(seed))
    return model.eval()
