"""A perceptual fingerprint: what an image looks like, in a few hundred numbers that survive a re-encoding.

The low frequencies of the image's cosine transform, as in a perceptual hash (pHash; Zauner 2010), but with their values
in place of their signs: at 28 px images of one kind share most signs. JPEG moves these values little, a change of size
takes the high frequencies that are not among them, and brightness scales them all alike, except where it clips: so each
image is looked at a second time, brightened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

NAME = "dct-6-12"
"""Of the kind of fingerprint: those of another kind cannot be compared."""

LUMA_SIDE, CHROMA_SIDE = 6, 3
"""Lowest frequencies in each direction that make the shape, of the brightness and of each colour difference."""

DETAIL_SIDE = 12
"""Of the brightness, beyond the shape: what tells two cards of one suit apart."""

GAIN = 1.05
"""By which the second look is brighter."""

AT_ONCE = 1024
"""Images that are transformed at once, so that memory does not grow with their number."""

_TO_LUMA_CHROMA = np.array([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]], np.float32)
"""Of JPEG (ITU-T T.871), which moves colours more than brightness."""


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """N images. shape (N, F) float16 of length 1, contrast (N,) float32: its length before, sd on [0, 1].

    brightness (N,) float32: mean luma on [0, 1]. detail (N, E) float16: parts of the sd, not normalised.
    """

    shape: NDArray[np.float16]
    contrast: NDArray[np.float32]
    brightness: NDArray[np.float32]
    detail: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.contrast)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Looks:
        """Take some of the images."""
        return Looks(self.shape[rows], self.contrast[rows], self.brightness[rows], self.detail[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprints:
    """N images of `side` pixels, the smaller of both sides, as they are and brightened."""

    plain: Looks
    bright: Looks
    side: int

    def __len__(self) -> int:
        return len(self.plain)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Fingerprints:
        """Take some of the images."""
        return Fingerprints(self.plain.take(rows), self.bright.take(rows), self.side)


def take_fingerprints(pixels: NDArray[np.uint8]) -> Fingerprints:
    """Fingerprints of uint8 images (N, C, H, W) of one or three channels."""
    looks: list[Looks] = []
    brighter: list[Looks] = []
    for start in range(0, max(1, len(pixels)), AT_ONCE):
        images: NDArray[np.float32] = pixels[start : start + AT_ONCE].astype(np.float32) / np.float32(255)
        looks.append(_look(images))
        brighter.append(_look(np.minimum(images * GAIN, 1, dtype=np.float32)))
    return Fingerprints(_join(looks), _join(brighter), min(pixels.shape[2:]))


def join(blocks: Sequence[Fingerprints]) -> Fingerprints:
    """Several of images of one size, one after the other; at least one."""
    plain, bright = ([getattr(each, name) for each in blocks] for name in ("plain", "bright"))
    return Fingerprints(_join(plain), _join(bright), blocks[0].side)


def _join(blocks: Sequence[Looks]) -> Looks:
    return Looks(*(np.concatenate([getattr(each, column.name) for each in blocks]) for column in fields(Looks)))


def _look(images: NDArray[np.float32]) -> Looks:
    from scipy.fft import dctn

    if images.shape[1] == 3:
        images = np.einsum("dc,nchw->ndhw", _TO_LUMA_CHROMA, images)
    # orthonormal, so that a coefficient over the root of the pixels is a part of the image's sd
    waves = dctn(images, axes=(2, 3), norm="ortho") / np.sqrt(images.shape[2] * images.shape[3])
    low = waves[:, 0, :DETAIL_SIDE, :DETAIL_SIDE]
    down, across = np.indices(low.shape[1:])
    coarse = (down < LUMA_SIDE) & (across < LUMA_SIDE)
    colour = waves[:, 1:, :CHROMA_SIDE, :CHROMA_SIDE]
    shape = np.concatenate([low[:, coarse][:, 1:], colour.reshape(len(images), np.prod(colour.shape[1:]))], axis=1)
    contrast = np.linalg.norm(shape, axis=1)
    return Looks(
        (shape / np.maximum(contrast, 1e-6)[:, None]).astype(np.float16),
        contrast.astype(np.float32),
        low[:, 0, 0].astype(np.float32),
        low[:, ~coarse].astype(np.float16),
    )
