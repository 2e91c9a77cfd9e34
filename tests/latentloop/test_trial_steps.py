"""A few training steps in a process of their own say what a step costs, or in one line why there is none."""

from __future__ import annotations

import numpy as np
import pytest

from latentloop.errors import TrialFailed
from latentloop.trial_steps import try_steps
from vae_core.vq_config import VqVaeConfig

MODEL = VqVaeConfig(height=8, width=8, widths=(8,), codebook_size=8, code_dim=4)


def test_steps_have_seconds_and_memory() -> None:
    images = np.random.default_rng(0).integers(0, 256, (16, *MODEL.shape), np.uint8)

    found = try_steps(MODEL, images, batch_size=16, threads=1, device="cpu", seconds=0.1)

    assert found.steps >= 1
    assert 0 < found.own_s_per_step <= found.seconds_per_step
    assert found.images_per_own_s >= found.images_per_s > 0
    assert found.peak_bytes > 50 * 2**20, "torch alone takes more"


def test_a_device_that_is_not_there_is_one_line() -> None:
    images = np.zeros((4, *MODEL.shape), np.uint8)

    with pytest.raises(TrialFailed, match="a batch of 4 images of 8x8 in grey cannot be trained on here") as refused:
        try_steps(MODEL, images, batch_size=4, threads=1, device="cuda:63", seconds=0.1)

    assert "\n" not in str(refused.value)
