"""Whether an array is one image or a stack of them."""

from __future__ import annotations

import numpy as np

_CHANNELS_FIRST, _CHANNELS_LAST = (1, 3), (1, 3, 4)
_LEAST_SIDE = 4  # pixels, of the smallest picture that a model sees


def count_images(shape: tuple[int, ...]) -> int:
    """Count the images of an array of this shape, before there is one."""
    return 1 if _is_one(shape) else shape[0]


def split_stack(stack: np.ndarray) -> list[np.ndarray]:
    """Split an array into views of it: one image where it may be one, else its rows."""
    return [stack] if _is_one(stack.shape) else list(stack)


def _is_one(shape: tuple[int, ...]) -> bool:
    """Whether it is `(H, W)` or `(C, H, W)`, C as in any picture, for colours must not be read as so many grey images.

    `(H, W, C)` too: input validation says of each what is wrong with it.
    """
    if len(shape) != 3:
        return len(shape) < 3
    first, middle, last = shape
    picture_first = first in _CHANNELS_FIRST and min(middle, last) >= _LEAST_SIDE
    return first == 1 or picture_first or (last in _CHANNELS_LAST and min(first, middle) >= _LEAST_SIDE)
