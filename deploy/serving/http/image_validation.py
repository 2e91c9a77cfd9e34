"""The way in: what input validation says of the images of a body, all of them or none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_checks.image_statistics import ImageStatistics
from data_checks.input_validation import ValidatedImage, count_pixels, judge_image_array, judge_image_bytes
from data_checks.policy import InputPolicy
from deploy.serving.errors import ImagesRefused, Problem, RefusedImage
from deploy.serving.http.payload import Upload
from deploy.serving.versions.router import LoadedVersion
from vae_core.images.preprocessing import Preprocessing


@dataclass(frozen=True, slots=True)
class Admitted:
    """The images of a request after the validator: `pixels` uint8 (B, C, H, W), the others in the same order."""

    uploads: tuple[Upload, ...]
    pixels: np.ndarray
    statistics: tuple[ImageStatistics, ...]

    @property
    def size(self) -> int:
        """Bytes in memory; the content as it came counts in full, whether it is a view of the body or a copy."""
        contents = (upload.content for upload in self.uploads)
        return self.pixels.nbytes + sum(len(each) if isinstance(each, bytes) else each.nbytes for each in contents)


def require_decodable(uploads: list[Upload], preprocessing: Preprocessing, policy: InputPolicy) -> None:
    """Raise `Problem` 413 for files that together decode to more pixels than one may have, before one is decoded.

    So that a request holds every picture that ingestion takes. Where no other size is taken the count of images says
    it: a file of another size is refused by its header.
    """
    if not preprocessing.any_size:
        return
    files = [upload.content for upload in uploads if isinstance(upload.content, bytes)]
    pixels = sum(count_pixels(each, preprocessing, policy) for each in files)
    if pixels > policy.max_pixels:
        raise Problem(
            413,
            f"expected files of at most {policy.max_pixels} pixels in one request, came {pixels} in {len(files)} "
            "files: split it (input_policy.max_pixels)",
        )


def admit_uploads(uploads: list[Upload], validator: LoadedVersion, policy: InputPolicy) -> Admitted:
    """Judge every image by the preprocessing and reference of `validator`; `ImagesRefused` names each bad one."""
    histogram = None
    if validator.reference is not None:
        histogram = validator.reference.histogram_of_positives(policy.inversion_margin)
    pixels, statistics, refused = [], [], []
    for index, upload in enumerate(uploads):
        result = _judge(upload, validator, policy, histogram)
        if result.pixels is None or result.statistics is None or result.refusal is not None:
            reason = result.refusal.value if result.refusal is not None else "not_an_image"
            refused.append(RefusedImage(index, upload.name, reason, result.detail))
        else:
            pixels.append(result.pixels)
            statistics.append(result.statistics)
    if refused:
        raise ImagesRefused(tuple(refused))
    return Admitted(tuple(uploads), np.stack(pixels), tuple(statistics))


def _judge(
    upload: Upload, validator: LoadedVersion, policy: InputPolicy, histogram: np.ndarray | None
) -> ValidatedImage:
    if isinstance(upload.content, bytes):
        return judge_image_bytes(upload.content, validator.preprocessing, policy, histogram)
    return judge_image_array(upload.content, validator.preprocessing, policy, histogram)
