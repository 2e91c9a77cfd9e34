"""From an array that a client sent to 8-bit planes of the wanted shape, or to the refusal of it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data_checks.errors import ImageRefused
from data_checks.intake.array_values import to_eight_bits
from data_checks.intake.convert import Converted, fit_pixels
from data_checks.intake.file import require_size
from data_checks.policy import MOST_PIXELS, InputPolicy
from data_checks.refusal import NO_SETTING, Refusal
from vae_core.images.preprocessing import Preprocessing

_OF_COLOURS = 3


def convert_array(array: NDArray[np.generic], preprocessing: Preprocessing, policy: InputPolicy) -> Converted:
    """Read (C, H, W), or (H, W) for one channel, into memory of its own; fitted as a file would be.

    ImageRefused: wrong_shape, too_many_pixels, and what `to_eight_bits` refuses.
    """
    planes = _read_planes(array, preprocessing, policy)
    if planes.shape == preprocessing.shape:
        return Converted(planes, (), planes)
    picture = Image.fromarray(planes[0] if len(planes) == 1 else np.ascontiguousarray(np.moveaxis(planes, 0, 2)))
    return fit_pixels(picture, picture.size, preprocessing)


def _read_planes(array: NDArray[np.generic], preprocessing: Preprocessing, policy: InputPolicy) -> NDArray[np.uint8]:
    planes = _require_channels(array, preprocessing)
    _, height, width = planes.shape
    if height * width > policy.max_pixels:
        raise ImageRefused(
            Refusal.too_many_pixels,
            f"expected at most {policy.max_pixels} pixels, came {width}x{height} = {width * height}: "
            f"downscale it, {'or raise input_policy.max_pixels' if height * width <= MOST_PIXELS else NO_SETTING}",
        )
    if not preprocessing.any_size:
        require_size(width, height, f"with {preprocessing.channels} channels", preprocessing)
    return np.array(to_eight_bits(planes), order="C")


def _require_channels(array: NDArray[np.generic], preprocessing: Preprocessing) -> NDArray[np.generic]:
    channels = preprocessing.channels
    planes = array[np.newaxis] if array.ndim == 2 and channels == 1 else array
    if planes.ndim == 3 and planes.shape[0] == channels and planes.size > 0:
        return planes
    wanted = "x".join(str(side) for side in preprocessing.shape)
    came = "x".join(str(side) for side in array.shape) or "a single number"
    if array.ndim == 3 and array.shape[2] == channels:
        advice = "move the channel axis to the front"
    elif array.ndim == 3 and channels == 1 and array.shape[0] == _OF_COLOURS:
        advice = "a colour picture, or several grey ones? send grey ones as (N, 1, H, W), a colour picture as a file"
    else:
        advice = "send one image"
    raise ImageRefused(Refusal.wrong_shape, f"expected {wanted} (C, H, W), came {came}: {advice}")
