"""From an array that a client sent to 8-bit planes of the wanted shape, or to the refusal of it."""

import numpy as np
from numpy.typing import NDArray

from data_checks.array_values import to_eight_bits
from data_checks.errors import ImageRefused
from data_checks.image_file import require_size
from data_checks.policy import InputPolicy
from data_checks.refusal import Refusal
from vae_core.preprocessing import Preprocessing


def read_planes(array: NDArray[np.generic], preprocessing: Preprocessing, policy: InputPolicy) -> NDArray[np.uint8]:
    """Read (C, H, W), or (H, W) for one channel, as uint8 (C, H, W) in memory of its own.

    ImageRefused: wrong_shape, too_many_pixels, and what `to_eight_bits` refuses.
    """
    planes = _require_channels(array, preprocessing)
    _, height, width = planes.shape
    if height * width > policy.max_pixels:
        raise ImageRefused(
            Refusal.too_many_pixels,
            f"expected at most {policy.max_pixels} pixels, came {width}x{height} = {width * height}: "
            "downscale before sending",
        )
    if preprocessing.resize == "refuse":
        require_size(width, height, f"with {preprocessing.channels} channels", preprocessing)
    return np.array(to_eight_bits(planes), order="C")


def _require_channels(array: NDArray[np.generic], preprocessing: Preprocessing) -> NDArray[np.generic]:
    channels = preprocessing.channels
    planes = array[np.newaxis] if array.ndim == 2 and channels == 1 else array
    if planes.ndim == 3 and planes.shape[0] == channels and planes.size > 0:
        return planes
    wanted = "x".join(str(side) for side in preprocessing.shape)
    came = "x".join(str(side) for side in array.shape) or "a single number"
    channels_last = array.ndim == 3 and array.shape[2] == channels
    advice = "move the channel axis to the front" if channels_last else "send one image"
    raise ImageRefused(Refusal.wrong_shape, f"expected {wanted} (C, H, W), came {came}: {advice}")
