"""Damaged copies of images, for training a model to restore what is sound: noise, blur, blocks and occlusion.

Mild enough that the image can still be told: a copy that carries no information would teach the model to invent one.
The parameters' ranges follow Hendrycks & Dietterich 2019 (ImageNet-C), severities 1 to 3, in units of the grey scale
and of the image's side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from scipy import ndimage

from vae_core.errors import DataError

Damage = Literal["noise", "blur", "blocks", "occlusion"]

MIN_CORRELATION = 0.5
"""Of a damaged image with the sound one, over its pixels; below it the damage is drawn anew, or left undone."""

TRIES = 4

_Generator = np.random.Generator


def damage_images(
    pixels: np.ndarray,
    generator: np.random.Generator,
    kinds: tuple[Damage, ...] = ("noise", "blur", "blocks", "occlusion"),
) -> tuple[np.ndarray, tuple[Damage, ...]]:
    """Damage each image uint8 (N, C, H, W) in one way, drawn from `kinds`: uint8 of the same shape, and the kinds.

    An image without contrast comes back as it was. DataError for anything but images, or an unknown kind.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 4:
        raise DataError(f"damage: expected uint8 images (N, C, H, W), came {pixels.dtype} {pixels.shape}")
    if not kinds or (unknown := [kind for kind in kinds if kind not in _DAMAGES]):
        raise DataError(f"damage: expected kinds among {', '.join(_DAMAGES)}, came {unknown if kinds else 'none'}")
    chosen = tuple(kinds[number] for number in generator.integers(0, len(kinds), len(pixels)))
    damaged = [_damage(image, kind, generator) for image, kind in zip(pixels, chosen, strict=True)]
    return np.stack(damaged) if damaged else pixels.copy(), chosen


def _damage(image: np.ndarray, kind: Damage, generator: _Generator) -> np.ndarray:
    """Damage one image, never beyond recognition."""
    sound = image.astype(np.float64)
    if sound.std() == 0:
        return image.copy()
    for _ in range(TRIES):
        spoilt: np.ndarray = np.clip(np.rint(_DAMAGES[kind](sound, generator)), 0, 255).astype(np.uint8)
        if spoilt.std() > 0 and np.corrcoef(sound.ravel(), spoilt.ravel())[0, 1] >= MIN_CORRELATION:
            return spoilt
    return np.array(image)


def _add_noise(image: np.ndarray, generator: _Generator) -> np.ndarray:
    """Gaussian noise of 4 to 12 % of the grey scale."""
    return image + generator.normal(0, 255 * generator.uniform(0.04, 0.12), image.shape)


def _blur(image: np.ndarray, generator: _Generator) -> np.ndarray:
    """A Gaussian blur of 2 to 5 % of the shorter side."""
    sigma = generator.uniform(0.02, 0.05) * min(image.shape[1:])
    blurred: np.ndarray = ndimage.gaussian_filter(image, (0, sigma, sigma), mode="nearest")
    return blurred


def _make_blocks(image: np.ndarray, generator: _Generator) -> np.ndarray:
    """Means over squares of 2 or 3 pixels, or as many parts of 28 of the shorter side."""
    side = max(2, round(generator.integers(2, 4) * min(image.shape[1:]) / 28))
    _, height, width = image.shape
    padded = np.pad(image, ((0, 0), (0, -height % side), (0, -width % side)), mode="edge")
    channels, tall, wide = padded.shape
    means = padded.reshape(channels, tall // side, side, wide // side, side).mean((2, 4))
    blocks: np.ndarray = means.repeat(side, 1).repeat(side, 2)[:, :height, :width]
    return blocks


def _occlude(image: np.ndarray, generator: _Generator) -> np.ndarray:
    """A rectangle of one grey level over 2 to 10 % of the image."""
    _, height, width = image.shape
    share, aspect = generator.uniform(0.02, 0.10), generator.uniform(0.5, 2.0)
    tall = int(np.clip(round((share * height * width * aspect) ** 0.5), 1, height))
    wide = int(np.clip(round((share * height * width / aspect) ** 0.5), 1, width))
    top, left = generator.integers(0, height - tall + 1), generator.integers(0, width - wide + 1)
    occluded = image.copy()
    occluded[:, top : top + tall, left : left + wide] = generator.uniform(0, 255)
    return occluded


_DAMAGES: Mapping[Damage, Callable[[np.ndarray, _Generator], np.ndarray]] = {
    "noise": _add_noise,
    "blur": _blur,
    "blocks": _make_blocks,
    "occlusion": _occlude,
}
