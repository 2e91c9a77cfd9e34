from __future__ import annotations

import numpy as np
import pytest
from scipy.special import fdtrc

from data_checks.drift.policy import DriftPolicy
from data_checks.drift.smallest_shift import POWER, look_ahead, smallest_shift
from data_checks.statistics.two_sample import compare_codes, fit_whitening

TRIALS = 150
OWN = ("logvar", "kl")


@pytest.mark.parametrize(("reference", "dimensions", "level"), [(500, 8, 1e-6), (2_000, 16, 1e-6), (500, 8, 1e-3)])
def test_the_shift_that_is_named_is_seen_as_often_as_it_says(reference: int, dimensions: int, level: float) -> None:
    """Simulated with the alarm's own statistic; the share is within four of its standard errors, and of the model's."""
    policy, random = DriftPolicy(), np.random.default_rng(1)
    length = smallest_shift(policy.min_images, reference, dimensions, level, policy.latent_shift)
    move, seen = np.full(dimensions, length / np.sqrt(dimensions)), 0
    for _ in range(TRIALS):
        whitening = fit_whitening(random.normal(size=(reference, dimensions)))
        moved = compare_codes(random.normal(size=(policy.min_images, dimensions)) + move, whitening)
        shown = fdtrc(*moved.degrees, moved.statistic) <= level and moved.squared > policy.latent_shift**2
        seen += bool(shown)
    assert abs(seen / TRIALS - POWER) <= 4 * np.sqrt(POWER * (1 - POWER) / TRIALS) + 0.03


def test_more_images_show_a_smaller_shift_and_never_one_below_the_limit() -> None:
    shifts = [smallest_shift(500, reference, 16, 1e-6, 0.25) for reference in (200, 500, 2_000, 100_000)]
    assert shifts == sorted(shifts, reverse=True) and shifts[-1] > 0.25


def test_a_reference_that_is_too_small_says_how_many_it_has_and_needs_and_the_way_out() -> None:
    sight = look_ahead(60, 16, OWN, DriftPolicy())
    assert sight.shift_sd is None
    assert sight.describe() == (
        "drift cannot be judged yet: the reference holds 60 images, at least 500 are needed; the first 440 different "
        "images of the version's traffic complete it"
    )
    joined = look_ahead(100, 16, OWN, DriftPolicy(), of_traffic=40).describe()
    assert "holds 100 images, 40 of its traffic, at least 500" in joined and "first 400 different" in joined
    assert (
        "would be seen within 500 requests (reference of 500 images)"
        in look_ahead(500, 16, OWN, DriftPolicy()).describe()
    )
