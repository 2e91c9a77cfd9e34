"""What images alone say of weights, and the bars that they must pass."""

import numpy as np
import pytest

from tests.vae_core.synthetic_images import TINY, boxes
from vae_core.families.build import build_model
from vae_core.inference import score_images
from vae_core.training.health.quick_benchmark import Bars, QuickBenchmark, measure_quickly


def test_it_is_the_share_of_the_mean_images_error_and_the_units_whose_mean_moves():
    model, pixels = build_model(TINY, 2).eval(), boxes(100, seed=3)
    found, scores, unit = measure_quickly(model, pixels, images_at_once=32), score_images(model, pixels), pixels / 255.0
    of_the_mean_image = np.square(unit - unit.mean(0)).mean()
    assert found.explained_variance == pytest.approx(1 - scores.recon_error.mean() / of_the_mean_image, rel=1e-6)
    assert found.active_units == (scores.mu.astype(np.float64).var(0) > 0.01).sum() and found.n == 100


def test_of_images_that_are_all_alike_nothing_is_explained():
    assert measure_quickly(build_model(TINY, 2).eval(), np.full((10, 1, 8, 8), 77, np.uint8)).explained_variance == 0


@pytest.mark.parametrize(
    ("active", "dimensions", "explained", "passes"),
    [
        (4, 32, 0.5, True),
        (3, 32, 0.9, False),  # below the bar
        (9, 128, 0.9, False),  # above it, but fewer than the monitor lets pass
        (10, 128, 0.9, True),
        (32, 32, 0.49, False),
        (32, 32, float("nan"), False),
    ],
)
def test_the_bars_are_those_of_the_gate_and_never_below_the_monitors(active, dimensions, explained, passes):
    assert Bars(4, 0.5).pass_over(QuickBenchmark(active, dimensions, explained, 100)) is passes
