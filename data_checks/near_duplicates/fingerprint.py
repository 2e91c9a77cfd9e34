"""A perceptual fingerprint: what an image looks like, in a few hundred numbers that survive a re-encoding.

The low frequencies of the image's cosine transform, as in a perceptual hash (pHash; Zauner 2010), but with their values
in place of their signs: at 28 px images of one kind share most signs. JPEG moves these values little, a change of size
leaves them (it is the high frequencies that it takes), and brightness scales them all alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NAME = "dct-6"
"""Of the kind of fingerprint: those of another kind cannot be compared."""

LUMA_SIDE = 6
CHROMA_SIDE = 3
"""Lowest frequencies in each direction, of the brightness and of each colour difference."""

AT_ONCE = 1024
"""Images that are transformed at once, so that memory does not grow with their number."""

_TO_LUMA_CHROMA = np.array([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]], np.float32)
"""Of JPEG (ITU-T T.871), which moves colours more than brightness."""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprints:
    """N images. direction (N, F) float16 of length 1, contrast (N,) float32: its length before, sd on [0, 1].

    brightness (N,) float32: mean luma on [0, 1].
    """

    direction: NDArray[np.float16]
    contrast: NDArray[np.float32]
    brightness: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.contrast)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Fingerprints:
        """Take some of the images."""
        return Fingerprints(self.direction[rows], self.contrast[rows], self.brightness[rows])


def take_fingerprints(pixels: NDArray[np.uint8]) -> Fingerprints:
    """Fingerprints of uint8 images (N, C, H, W) of one or three channels."""
    blocks = [_transform(pixels[start : start + AT_ONCE]) for start in range(0, len(pixels), AT_ONCE)]
    return join(blocks) if blocks else _transform(pixels)


def join(blocks: Sequence[Fingerprints]) -> Fingerprints:
    """Several, one after the other; at least one."""
    return Fingerprints(
        np.concatenate([each.direction for each in blocks]),
        np.concatenate([each.contrast for each in blocks]),
        np.concatenate([each.brightness for each in blocks]),
    )


def _transform(pixels: NDArray[np.uint8]) -> Fingerprints:
    from scipy.fft import dctn

    images = pixels.astype(np.float32) / 255
    if images.shape[1] == 3:
        images = np.einsum("dc,nchw->ndhw", _TO_LUMA_CHROMA, images)
    # orthonormal, so that a coefficient over the root of the pixels is a part of the image's sd
    waves = dctn(images, axes=(2, 3), norm="ortho") / np.sqrt(images.shape[2] * images.shape[3])
    height, width = waves.shape[2:]
    sides = [LUMA_SIDE] + [CHROMA_SIDE] * (waves.shape[1] - 1)
    parts = [
        waves[:, channel, :side, :side].reshape(len(waves), min(side, height) * min(side, width))[
            :, int(channel == 0) :
        ]
        for channel, side in enumerate(sides)
    ]
    values = np.concatenate(parts, axis=1)
    contrast = np.linalg.norm(values, axis=1)
    direction = values / np.maximum(contrast, 1e-6)[:, None]
    return Fingerprints(direction.astype(np.float16), contrast.astype(np.float32), waves[:, 0, 0, 0].astype(np.float32))
