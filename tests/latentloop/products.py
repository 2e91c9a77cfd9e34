"""Synthetic product images: one bright shape each on a dark ground, all different, with a structure to learn."""

from __future__ import annotations

import numpy as np


def product_images(count: int, seed: int = 0) -> np.ndarray:
    """Draw uint8 (count, 28, 28): soft ellipses of varying place, size and brightness, with a little texture."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:28, 0:28]
    images = np.empty((count, 28, 28), dtype=np.uint8)
    for image in images:
        middle, radius = random.uniform(10, 18, 2), random.uniform(5, 10, 2)
        inside = 1 / (1 + np.exp(6 * (((y - middle[0]) / radius[0]) ** 2 + ((x - middle[1]) / radius[1]) ** 2 - 1)))
        image[:] = np.clip(inside * random.uniform(150, 245) + random.uniform(0, 8, (28, 28)), 0, 255)
    return images
