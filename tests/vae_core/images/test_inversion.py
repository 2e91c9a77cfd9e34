import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from data_checks.image_statistics import measure_image, measure_images
from tests.data_checks.pictures import product
from vae_core.images.inversion import measure_inversion

histograms = hnp.arrays(np.float64, 16, elements=st.floats(0.01, 1)).map(lambda bins: bins / bins.sum())


@given(histograms, histograms)
def test_a_negative_scores_the_opposite_of_its_positive(
    histogram: NDArray[np.float64], reference: NDArray[np.float64]
) -> None:
    score = measure_inversion(histogram.astype(np.float32), reference)
    mirrored = measure_inversion(histogram[::-1].astype(np.float32), reference)
    assert mirrored == pytest.approx(-score, abs=1e-6)


@given(histograms, histograms)
def test_no_score_exceeds_the_distance_between_the_reference_and_its_mirror(
    histogram: NDArray[np.float64], reference: NDArray[np.float64]
) -> None:
    largest = np.abs(reference - reference[::-1]).sum()
    assert abs(measure_inversion(histogram.astype(np.float32), reference)) <= largest + 1e-6


def test_negatives_of_products_are_told_from_products_by_far() -> None:
    pixels = np.stack([product(seed) for seed in range(200)])
    reference = measure_images(pixels).histogram.mean(axis=0)
    for image in pixels:
        assert measure_inversion(measure_image(image).histogram, reference) < 0
        assert measure_inversion(measure_image(255 - image).histogram, reference) > 0
