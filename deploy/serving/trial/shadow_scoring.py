"""Scoring the side of answered requests that no answer needed. Whatever a version does here stays here.

A version whose preprocessing is not that of the version that answered gets the images as they came, through its
own preprocessing and input validation: that is what it would see if it answered. What it refuses is its failure.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np

from data_checks.policy import InputPolicy
from deploy.serving.errors import ImagesRefused
from deploy.serving.http.image_validation import admit_uploads
from deploy.serving.http.payload import Upload
from deploy.serving.trial.sides import ShadowJob, Side, failed_side, measured_sides
from deploy.serving.versions.router import LoadedVersion
from vae_core.inference import score_images


def score_missing(jobs: list[ShadowJob], policy: InputPolicy, batch_max: int) -> list[list[Side]]:
    """Score jobs that miss the same version, job by job and image by image; never raises."""
    seen = [image for job in jobs for image in _see(job, policy)]
    images = [image for image in seen if isinstance(image, np.ndarray)]
    scored: list[Side] = []
    for start in range(0, len(images), batch_max):
        scored += _score(jobs[0].missing, images[start : start + batch_max])
    found = iter(scored)
    sides = [image if isinstance(image, Side) else next(found) for image in seen]
    ends = np.cumsum([job.images for job in jobs])
    return [sides[end - job.images : end] for job, end in zip(jobs, ends, strict=True)]


def _see(job: ShadowJob, policy: InputPolicy) -> Iterable[np.ndarray | Side]:
    """Give the pixels (C, H, W) of each image as the missing version sees them, or why it does not."""
    if not job.uploads:
        return job.pixels
    return [_readmit(upload, job.missing, policy) for upload in job.uploads]


def _readmit(upload: Upload, version: LoadedVersion, policy: InputPolicy) -> np.ndarray | Side:
    try:
        pixels: np.ndarray = admit_uploads([upload], version, policy).pixels[0]
        return pixels
    except ImagesRefused as error:
        return failed_side(f"refused by its own preprocessing: {error.refused[0].reason}")
    except Exception as error:
        return failed_side(f"raised {type(error).__name__} in input validation: {error}")


def _score(version: LoadedVersion, images: list[np.ndarray]) -> list[Side]:
    begun = time.perf_counter()
    try:
        scores = score_images(version.artifact.model, np.stack(images), batch_size=len(images))
        if any(each.shape != (len(images),) for each in scores.numbers().values()):
            raise ValueError(f"{len(images)} images, {len(scores.recon_error)} answers")
    except Exception as error:
        if len(images) == 1:
            return [failed_side(f"raised {type(error).__name__}: {error}")]
        # one bad image is no failure of its neighbours
        return [side for image in images for side in _score(version, [image])]
    image_ms = (time.perf_counter() - begun) * 1000 / len(images)
    return list(measured_sides(scores, image_ms))
