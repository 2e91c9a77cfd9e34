"""Images of a file that is mapped, not read."""

from pathlib import Path

import numpy as np

SHAPE = (1, 8, 8)


def mapped(folder: Path, images: np.ndarray) -> np.ndarray:
    """Write them, and map the file."""
    np.save(folder / "images.npy", images)
    mapping: np.ndarray = np.load(folder / "images.npy", mmap_mode="r")
    return mapping
