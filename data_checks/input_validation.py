"""Input validation: what every image goes through, at ingestion and in serving.

The answer is pixels or a named refusal with one line of detail; hostile bytes never raise.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_checks.errors import ImageRefused
from data_checks.image_statistics import HISTOGRAM_BINS, ImageStatistics, measure_image, measure_images
from data_checks.intake.alpha import TRANSPARENCY
from data_checks.intake.array import convert_array
from data_checks.intake.content import require_content, require_contrast
from data_checks.intake.convert import Converted, convert
from data_checks.intake.file import read_header, require_wanted
from data_checks.intake.jpeg_pixels import choose_scale
from data_checks.policy import InputPolicy
from data_checks.refusal import Refusal
from vae_core.images.preprocessing import Preprocessing

__all__ = ["ValidatedImage", "Refusal", "count_pixels", "judge_image_array", "judge_image_bytes", "judge_images"]

_FLAT = frozenset({Refusal.low_variance, Refusal.low_entropy})


@dataclass(frozen=True, slots=True)
class ValidatedImage:
    """What it says of one image.

    `pixels` uint8 (C, H, W) and `statistics` are there as soon as the image was decoded, so also for a black
    frame that was then refused; look at `accepted` before using them. `detail` is one line (expected, came,
    what to do), empty for an accepted image. `conversions` names, in order, what was done to the picture on its way
    to these pixels; empty where it came as it is used.
    """

    pixels: NDArray[np.uint8] | None
    statistics: ImageStatistics | None
    refusal: Refusal | None
    detail: str
    conversions: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the image may be used."""
        return self.refusal is None


def judge_image_bytes(
    data: bytes,
    preprocessing: Preprocessing,
    policy: InputPolicy,
    reference_histogram: NDArray[np.floating] | None = None,
) -> ValidatedImage:
    """Judge an encoded image file; size and mode are read from its header before a pixel is decoded.

    `reference_histogram` (16,) sums to 1 and is the mean over the data that the champion was accepted on;
    without it negatives are not looked for. ValueError when it has another shape (the caller's mistake, not
    the image's).
    """
    _require_histogram(reference_histogram)
    came = _convert_file(data, preprocessing, policy)
    if isinstance(came, ValidatedImage):
        return came
    return _judge_content(came, measure_image(came.pixels), policy, reference_histogram)


def judge_images(
    files: Iterable[bytes],
    preprocessing: Preprocessing,
    policy: InputPolicy,
    reference_histogram: NDArray[np.floating] | None = None,
) -> list[ValidatedImage]:
    """Judge files as `judge_image_bytes` judges each, bit for bit; their statistics are taken of all at once."""
    _require_histogram(reference_histogram)
    came = [_convert_file(data, preprocessing, policy) for data in files]
    statistics = measure_images([each.pixels for each in came if isinstance(each, Converted)]).rows()
    return [
        _judge_content(each, next(statistics), policy, reference_histogram) if isinstance(each, Converted) else each
        for each in came
    ]


def count_pixels(data: bytes, preprocessing: Preprocessing, policy: InputPolicy) -> int:
    """Count the pixels that decoding a file will make, by its header; 0 when that refuses it.

    A JPEG that is reduced while decoding counts as it is decoded.
    """
    try:
        header = read_header(data, policy)
        require_wanted(header, preprocessing)
    except ImageRefused:
        return 0
    scale = choose_scale(header, preprocessing)
    return -(-header.width // scale) * -(-header.height // scale)


def judge_image_array(
    array: NDArray[np.generic],
    preprocessing: Preprocessing,
    policy: InputPolicy,
    reference_histogram: NDArray[np.floating] | None = None,
) -> ValidatedImage:
    """Judge an image that came as numbers: (C, H, W), or (H, W) for one channel.

    Integers on 0..255 or floats on [0, 1]; another scale is recognised and named. Floats become 8-bit pixels
    as a saved file would. The reference is that of `judge_image_bytes`.
    """
    _require_histogram(reference_histogram)
    try:
        converted = convert_array(array, preprocessing, policy)
    except ImageRefused as refused:
        return ValidatedImage(None, None, refused.refusal, refused.detail)
    return _judge_content(converted, measure_image(converted.pixels), policy, reference_histogram)


def _convert_file(data: bytes, preprocessing: Preprocessing, policy: InputPolicy) -> Converted | ValidatedImage:
    """Its pixels, or the refusal of it."""
    try:
        header = read_header(data, policy)
        require_wanted(header, preprocessing)
        return convert(header, preprocessing)
    except ImageRefused as refused:
        return ValidatedImage(None, None, refused.refusal, refused.detail)


def _judge_content(
    converted: Converted,
    statistics: ImageStatistics,
    policy: InputPolicy,
    reference_histogram: NDArray[np.floating] | None,
) -> ValidatedImage:
    try:
        require_content(statistics, policy, reference_histogram)
        if converted.shown is not converted.pixels:  # a black frame is none the brighter for its white padding
            require_contrast(measure_image(converted.shown), policy)
    except ImageRefused as refused:
        detail = refused.detail + (_say_ground(converted) if refused.refusal in _FLAT else "")
        return ValidatedImage(converted.pixels, statistics, refused.refusal, detail, converted.conversions)
    return ValidatedImage(converted.pixels, statistics, None, "", converted.conversions)


def _say_ground(converted: Converted) -> str:
    """Which colour a flat picture was laid over: white drawings on transparency are nothing on white."""
    ground = next((each for each in converted.conversions if each.startswith(TRANSPARENCY)), None)
    return f"; {ground} (`preprocessing.background`), where what has that colour vanishes" if ground else ""


def _require_histogram(reference: NDArray[np.floating] | None) -> None:
    if reference is not None and reference.shape != (HISTOGRAM_BINS,):
        raise ValueError(f"a reference histogram has shape ({HISTOGRAM_BINS},), came {reference.shape}")
