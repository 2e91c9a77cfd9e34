"""What the intake makes of a file, beside what a second route in numpy makes of it."""

from __future__ import annotations

import numpy as np

from benchmarks.intake_kinds import MORE_KINDS, VALID_KINDS
from data_checks.input_validation import ValidatedImage, judge_image_bytes
from data_checks.policy import InputPolicy
from vae_core.images.preprocessing import Preprocessing

KINDS = {**VALID_KINDS, **MORE_KINDS}
POLICY = InputPolicy(min_variance=0, detect_inversion=False)
LEVEL = 1.0
"""Of 255: what rounding may move a pixel by on the mean."""
BOX = Preprocessing(channels=3, height=24, width=28, fit="pad")


def said(data: bytes, preprocessing: Preprocessing = BOX) -> ValidatedImage:
    """The gate's answer, however flat the picture is."""
    return judge_image_bytes(data, preprocessing, POLICY)


def judge(data: bytes, preprocessing: Preprocessing) -> np.ndarray:
    """Its pixels (H, W, C) on 0..255."""
    judged = said(data, preprocessing)
    assert judged.pixels is not None, judged.detail
    return judged.pixels.transpose(1, 2, 0).astype(float)


def away(pixels: np.ndarray, expected: np.ndarray) -> float:
    """How far they are apart on the mean."""
    assert pixels.shape == expected.shape
    return float(np.abs(pixels - expected).mean())
