"""Small images with something to learn: a bright box on a gradient, and the smallest model that fits them."""

import numpy as np

from vae_core.config import Budget, ConvVaeConfig, TrainConfig

TINY = ConvVaeConfig(height=8, width=8, widths=(4, 8), latent_dim=4)


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
