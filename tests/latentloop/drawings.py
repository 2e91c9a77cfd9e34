"""Colour pictures of 64 pixels, as a stranger may have them: nothing in them is like the demo's products."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 64


def drawings(count: int, seed: int = 0) -> np.ndarray:
    """Draw uint8 (count, 64, 64, 3): a soft disc of one colour on a ground of another; pixel variances above 0.02."""
    random = np.random.default_rng(seed)
    return np.stack([_disc(random, random.uniform(0, 90, 3), random.uniform(150, 255, 3)) for _ in range(count)])


def pale_drawing(seed: int = 0) -> np.ndarray:
    """One whose two colours are near each other: pixel variance between 0.002 and 0.01, the default limit."""
    random = np.random.default_rng(seed)
    ground = random.uniform(140, 150, 3)
    return _disc(random, ground, ground + 45)


def write_drawings(folder: Path, count: int, sources: int) -> None:
    """Put PNG files into `folder`, one sub-folder a source."""
    for number, image in enumerate(drawings(count)):
        source = folder / f"illustrator {number % sources}"
        source.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(source / f"{number:04d}.png")


def _disc(random: np.random.Generator, ground: np.ndarray, colour: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    middle, radius = random.uniform(24, 40, 2), random.uniform(16, 22)
    inside = 1 / (1 + np.exp((np.hypot(y - middle[0], x - middle[1]) - radius) / 2))
    return np.clip(ground + inside[..., None] * (colour - ground), 0, 255).astype(np.uint8)
