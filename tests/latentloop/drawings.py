"""Colour pictures of 64 pixels, as a stranger may have them: nothing in them is like the demo's products."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 64


def drawings(count: int, seed: int = 0) -> np.ndarray:
    """Draw uint8 (count, 64, 64, 3): soft fields of colour, all different, of pixel variances above 0.02."""
    random = np.random.default_rng(seed)
    return np.stack([_field(random, 0, 256) for _ in range(count)])


def pale_drawing(seed: int = 0) -> np.ndarray:
    """One that is flat: its pixel variance is about 0.004, below the default limit and above 0.002."""
    return _field(np.random.default_rng(seed), 150, 220)


def write_drawings(folder: Path, count: int, sources: int) -> None:
    """Put PNG files into `folder`, one sub-folder a source."""
    for number, image in enumerate(drawings(count)):
        source = folder / f"illustrator {number % sources}"
        source.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(source / f"{number:04d}.png")


def _field(random: np.random.Generator, darkest: int, lightest: int) -> np.ndarray:
    coarse = random.integers(darkest, lightest, (3, 3, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
