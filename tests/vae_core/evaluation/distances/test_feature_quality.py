"""What features tell beside a Fréchet distance: of how many images, and nothing where there are too few."""

from dataclasses import replace

import numpy as np
import pytest

from tests.vae_core.evaluation.distances.drawn_features import draw
from vae_core.evaluation.distances.density_coverage import measure_coverage
from vae_core.evaluation.distances.feature_quality import Coverages, measure_at_infinity, measure_coverages, measure_kid
from vae_core.evaluation.distances.frechet_interval import prepare_features
from vae_core.evaluation.distances.kid import kernel_distance
from vae_core.evaluation.effort import THOROUGH, USUAL

EFFORT = replace(USUAL, coverage_images=20, kernel_images=30)
REAL, SAMPLES = draw(60, 3, 0), draw(90, 3, 1)


def test_coverage_is_of_images_that_are_evenly_thinned_and_their_own_reconstructions() -> None:
    labels = np.arange(60) % 3
    found = measure_coverages(REAL, REAL + 1e-6, SAMPLES, EFFORT, labels, "cpu")
    assert found.reconstructions is not None and found.samples is not None
    # each lies beside its own image: had the rows been others, some would be uncovered
    assert (found.reconstructions.n_real, found.reconstructions.coverage) == (20, 1.0)
    assert found.samples == measure_coverage(REAL[::3], SAMPLES[np.arange(20) * 90 // 20], labels=labels[::3])
    assert [group.n for group in found.samples.groups] == [20], "every third row is of one label"


@pytest.mark.parametrize(("n", "m", "known"), [(5, 90, (False, False)), (6, 5, (True, False)), (6, 6, (True, True))])
def test_no_more_images_than_neighbours_have_no_coverage(n: int, m: int, known: tuple[bool, bool]) -> None:
    found = measure_coverages(REAL[:n], REAL[:n], SAMPLES[:m], EFFORT, None, "cpu")
    assert (found.reconstructions is not None, found.samples is not None) == known


def test_where_nothing_was_sampled_only_reconstructions_are_covered() -> None:
    found = measure_coverages(REAL, REAL, None, EFFORT, None, "cpu")
    assert found.reconstructions is not None and found.samples is None
    assert Coverages() == Coverages(None, None)


def test_the_kernel_distance_says_of_how_many_it_is() -> None:
    found = measure_kid(REAL, SAMPLES, EFFORT, "cpu")
    assert found is not None and (found.n_real, found.n_fake) == (30, 30)
    assert found.value == pytest.approx(kernel_distance(REAL[::2], SAMPLES[::3]).value, rel=1e-12)
    assert (
        measure_kid(REAL[:3], SAMPLES, EFFORT, "cpu") is None and measure_kid(REAL, SAMPLES[:3], EFFORT, "cpu") is None
    )


def test_infinite_n_is_asked_for_and_needs_more_images_a_group_than_features() -> None:
    real, short = prepare_features(REAL), prepare_features(REAL[:11])  # 3 groups of 3 are no more than 3 features
    found = measure_at_infinity(real, SAMPLES, THOROUGH, seed=0)
    assert found is not None and (found.n_real, found.n_fake) == (60, 90)
    assert measure_at_infinity(real, SAMPLES, USUAL, seed=0) is None
    assert measure_at_infinity(short, SAMPLES, THOROUGH, seed=0) is None
    assert measure_at_infinity(real, SAMPLES[:11], THOROUGH, seed=0) is None
