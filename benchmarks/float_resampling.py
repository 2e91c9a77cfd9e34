"""Antialiased bicubic resampling in float64: the definition, without rounding between the two directions.

Source: Keys 1981 (a = -0.5), its support widened by the scale where pixels are dropped.
"""

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float64]


def fit_float(pixels: Pixels, height: int, width: int, fit: str, padding: float = 255.0) -> Pixels:
    """Bring (H, W, C) on 0..255 to height x width: `stretch`, `crop` to the centre, or `pad` with one level."""
    came_height, came_width = pixels.shape[:2]
    if fit == "stretch":
        return resample(pixels, height, width, (0.0, came_height), (0.0, came_width))
    if fit == "crop":
        scale = min(came_height / height, came_width / width)
        top, left = (came_height - height * scale) / 2, (came_width - width * scale) / 2
        return resample(pixels, height, width, (top, came_height - top), (left, came_width - left))
    scale = min(height / came_height, width / came_width)
    inner_height, inner_width = (max(1, round(side * scale)) for side in (came_height, came_width))
    canvas = np.full((height, width, pixels.shape[2]), padding)
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    inner = resample(pixels, inner_height, inner_width, (0.0, came_height), (0.0, came_width))
    canvas[top : top + inner_height, left : left + inner_width] = inner
    return canvas


def resample(
    pixels: Pixels, height: int, width: int, rows: tuple[float, float], columns: tuple[float, float]
) -> Pixels:
    """Resample the part of (H, W, C) between `rows` and `columns` (edges, in pixels), clipped to 0..255."""
    down = _weights(pixels.shape[0], height, *rows)
    across = _weights(pixels.shape[1], width, *columns)
    made: Pixels = np.einsum("oy,yxc,px->opc", down, pixels, across, optimize=True)
    return made.clip(0, 255)


def _weights(came: int, made: int, start: float, end: float) -> NDArray[np.float64]:
    """What each of the `came` pixels gives to each of the `made`, (made, came); rows sum to 1."""
    scale = (end - start) / made
    stretch = max(scale, 1.0)
    centres = start + (np.arange(made) + 0.5) * scale
    away = np.abs((np.arange(came) + 0.5 - centres[:, np.newaxis]) / stretch)
    near = 1.5 * away**3 - 2.5 * away**2 + 1
    far = -0.5 * away**3 + 2.5 * away**2 - 4 * away + 2
    weights = np.where(away < 1, near, np.where(away < 2, far, 0.0))
    normed: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normed
