"""A few training steps in a process of their own say what a step costs, or in one line why there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentloop.errors import TrialFailed
from latentloop.trial_steps import FEWEST_MEASURED, EvaluationRequest, TrialSteps, try_steps
from vae_core.evaluation.features.convert_features import convert_efflite0
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.priors.code_prior_config import CodePriorConfig

MODEL = VqVaeConfig(height=8, width=8, widths=(8,), codebook_size=8, code_dim=4)


def test_steps_have_seconds_and_memory() -> None:
    images = np.random.default_rng(0).integers(0, 256, (16, *MODEL.shape), np.uint8)

    found = try_steps(MODEL, images, batch_size=16, threads=1, device="cpu", seconds=0.1)

    assert found.steps >= 1
    assert 0 < found.own_s_per_step <= found.seconds_per_step
    assert found.images_per_own_s >= found.images_per_s > 0
    assert found.peak_bytes > 50 * 2**20, "torch alone takes more"


def test_seconds_that_are_over_at_once_are_waited_out_until_some_steps_were_like_all_others() -> None:
    """On a crowded machine the first step took them all, and its start was taken for what every step costs."""
    images = np.random.default_rng(0).integers(0, 256, (16, *MODEL.shape), np.uint8)

    found = try_steps(MODEL, images, batch_size=16, threads=1, device="cpu", seconds=1e-6)

    assert FEWEST_MEASURED <= found.steps <= FEWEST_MEASURED + 1
    assert 0 < found.own_s_per_step <= found.seconds_per_step


def test_a_device_that_is_not_there_is_one_line() -> None:
    images = np.zeros((4, *MODEL.shape), np.uint8)

    with pytest.raises(TrialFailed, match="a batch of 4 images of 8x8 in grey cannot be trained on here") as refused:
        try_steps(MODEL, images, batch_size=4, threads=1, device="cuda:63", seconds=0.1)

    assert "\n" not in str(refused.value)


def test_a_few_images_are_measured_where_that_is_asked(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (16, *MODEL.shape), np.uint8)
    prior = CodePriorConfig(grid=MODEL.grid, codebook_size=8, width=8, depth=1, heads=1)
    weights = convert_efflite0(tmp_path / "efflite0.safetensors")
    asked = EvaluationRequest(features_file=weights, precision="fp32", prior=prior)

    found = try_steps(MODEL, images, batch_size=16, threads=1, device="cpu", seconds=0.1, evaluation=asked)

    assert found.evaluation is not None
    assert 0 < found.evaluation.score_s < found.evaluation.feature_s, "the feature network is larger than this model"
    assert found.evaluation.sample_s > 0


def test_a_rate_says_of_what_it_is_and_two_where_the_machine_is_busy() -> None:
    quiet = TrialSteps(
        steps=9, batch_size=64, seconds_per_step=0.064, own_s_per_step=0.064, peak_bytes=1, parameters=1
    )  # fmt: skip
    busy = quiet.model_copy(update={"seconds_per_step": 0.32})
    assert quiet.say_rate() == "1,000 images/s in training steps"
    assert busy.say_rate() == "200 images/s in training steps beside them, 1,000 while nothing else runs"
    assert (quiet.busy, busy.busy) == (False, True)
