import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy.stats import entropy

from data_checks.image_statistics import measure_image, measure_images

images = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 4), st.sampled_from([1, 3]), st.integers(1, 9), st.integers(1, 9)),
)


@given(images)
def test_statistics_agree_with_numpy_and_scipy_in_float64(pixels: NDArray[np.uint8]) -> None:
    for image in pixels:
        measured = measure_image(image)
        unit = image.astype(np.float64) / 255
        shares = np.histogram(image, bins=16, range=(0, 256))[0] / image.size
        # Whole numbers are summed exactly; what is left are a few roundings of 2**-53 on numbers <= 1.
        assert measured.mean == pytest.approx(unit.mean(), abs=1e-14)
        assert measured.variance == pytest.approx(unit.var(), abs=1e-14)
        assert measured.entropy_bits == pytest.approx(entropy(shares, base=2), abs=1e-13)
        np.testing.assert_allclose(measured.histogram, shares, rtol=1e-7)


@given(images)
def test_one_image_and_a_stack_are_measured_alike_bit_for_bit(pixels: NDArray[np.uint8]) -> None:
    table = measure_images(pixels)
    for row, image in enumerate(pixels):
        single = measure_image(image)
        assert (single.mean, single.variance, single.entropy_bits) == (
            table.mean[row],
            table.variance[row],
            table.entropy_bits[row],
        )
        np.testing.assert_array_equal(single.histogram, table.histogram[row])


def test_a_stack_larger_than_a_chunk_is_measured_row_by_row() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 1, 1024, 512), dtype=np.uint8)
    pixels *= np.arange(9, dtype=np.uint8)[:, None, None, None] % 3
    table = measure_images(pixels)
    assert table.mean[8] == measure_image(pixels[8]).mean
    assert table.variance.tolist() == [measure_image(image).variance for image in pixels]


@pytest.mark.parametrize("level", [0, 1, 77, 255])
def test_a_flat_frame_has_exactly_no_variance_and_no_entropy(level: int) -> None:
    measured = measure_image(np.full((1, 31, 17), level, np.uint8))
    assert measured.variance == 0.0
    assert measured.entropy_bits == 0.0
    assert measured.mean == pytest.approx(level / 255)


def test_extremes_have_their_closed_forms() -> None:
    halves = np.repeat(np.array([0, 255], np.uint8), 50)
    every_level = np.arange(256, dtype=np.uint8)
    assert measure_image(halves).variance == 0.25
    assert measure_image(halves).entropy_bits == 1.0
    assert measure_image(every_level).entropy_bits == 4.0


def test_no_images_give_an_empty_table() -> None:
    table = measure_images(np.zeros((0, 1, 28, 28), np.uint8))
    assert table.mean.shape == (0,) and table.histogram.shape == (0, 16)
