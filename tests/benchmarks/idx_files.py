"""Real idx files of small images, as Fashion-MNIST's lie in a folder."""

import struct
from pathlib import Path

import numpy as np


def idx_content(images: np.ndarray) -> bytes:
    """The bytes of an idx file of images (N, H, W) uint8."""
    return struct.pack(">4I", 0x803, *images.shape) + images.tobytes()


def write_images(folder: Path, train: np.ndarray, test: np.ndarray) -> None:
    """Write training and test images (N, 1, H, W) uint8 under the names that the benchmarks look for."""
    for kind, images in (("train", train), ("t10k", test)):
        (folder / f"{kind}-images-idx3-ubyte").write_bytes(idx_content(images[:, 0]))
