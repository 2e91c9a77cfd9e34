"""Whether an array is one image or a stack of them."""

from __future__ import annotations

import numpy as np

from vae_core.preprocessing import Preprocessing


def count_images(shape: tuple[int, ...], preprocessing: Preprocessing) -> int:
    """Count the images of an array of this shape, before there is one."""
    return 1 if _is_one(shape, preprocessing) else shape[0]


def split_stack(stack: np.ndarray, preprocessing: Preprocessing) -> list[np.ndarray]:
    """Split an array into views of it: one image when its shape is one's, else its rows."""
    return [stack] if _is_one(stack.shape, preprocessing) else list(stack)


def _is_one(shape: tuple[int, ...], preprocessing: Preprocessing) -> bool:
    """Whether it is `(H, W)` or `(C, H, W)`; `(H, W, C)` too, so that the gate can say what is wrong with it."""
    channels, height, width = preprocessing.shape
    return len(shape) < 3 or shape in ((channels, height, width), (height, width, channels))
