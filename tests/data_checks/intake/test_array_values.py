"""The scale of the values in an array, recognised and named."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from data_checks.errors import ImageRefused
from data_checks.intake.array_values import to_eight_bits
from data_checks.refusal import Refusal
from tests.data_checks.pictures import product

PICTURE = product()
UNIT = PICTURE / 255.0


@pytest.mark.parametrize(
    "array",
    [
        PICTURE,
        PICTURE.astype(np.int64),
        UNIT,
        UNIT.astype(np.float32),
        UNIT.astype(np.float16),
        UNIT + 1e-4,
        np.asfortranarray(UNIT),
    ],
    ids=["uint8", "int64", "float64", "float32", "float16", "rounding", "fortran"],
)
def test_the_same_picture_on_a_known_scale_gives_the_same_pixels(array: NDArray[np.generic]) -> None:
    np.testing.assert_array_equal(to_eight_bits(array), PICTURE)


@pytest.mark.parametrize("dtype", [">f2", "<f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_picture_of_many_pieces_is_rounded_like_one_of_one(dtype: str, order: str) -> None:
    floats = np.random.default_rng(0).random((3, 300, 301)).astype(dtype)
    expected = np.rint(floats.astype(np.float64) * 255).astype(np.uint8)
    np.testing.assert_array_equal(to_eight_bits(np.asarray(floats, order=order)), expected)
    np.testing.assert_array_equal(to_eight_bits(floats[:, ::2, 1:]), expected[:, ::2, 1:])


def test_floats_are_brought_to_8_bits_without_a_copy_of_the_picture() -> None:
    floats = np.full((3, 1000, 1000), 0.5, np.float16)
    tracemalloc.start()
    try:
        to_eight_bits(floats)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # the result, one byte a value, and pieces of 65,536 values: float64 four times, NumPy's buffers among them
    assert peak <= floats.size + 4 * 8 * 65536 + 65536


def filled(low: float, high: float, dtype: type = np.float64) -> NDArray[np.generic]:
    array = np.full((28, 28), low, dtype)
    array[10:20] = high
    return array


@pytest.mark.parametrize(
    ("array", "refusal", "came"),
    [
        (filled(0, 255.0), Refusal.range_0_255, "came 0..255: divide by 255"),
        (filled(0, 1.5), Refusal.range_0_255, "came 0..1.5"),
        (filled(-0.8, 2.1), Refusal.standardised, "came -0.8..2.1: send pixels before mean and deviation"),
        (filled(-1, 1), Refusal.standardised, "came -1..1"),
        (filled(-0.08, 1.11), Refusal.out_of_range, "came -0.08..1.11: clip to [0, 1] after resizing"),
        (filled(-1000, 3000), Refusal.out_of_range, "came -1000..3000"),
        (filled(0, 65535.0), Refusal.out_of_range, "came 0..6.554e+04"),
        (filled(0, 65535, np.int32), Refusal.out_of_range, "came 0..65535 (int32)"),
        (filled(-1, 255, np.int16), Refusal.out_of_range, "came -1..255 (int16)"),
        (filled(0, np.nan), Refusal.not_finite, "came 280 NaN or infinite of 784"),
        (filled(0, np.inf), Refusal.not_finite, "280"),
        (filled(0, 1.7e308), Refusal.out_of_range, "came 0..1.7e+308"),
        (filled(-1.7e308, -1.7e308), Refusal.out_of_range, "came -1.7e+308..-1.7e+308"),  # their sum is not finite
        (filled(-np.inf, np.inf), Refusal.not_finite, "784 NaN or infinite"),
        (filled(0, 1, np.bool_), Refusal.wrong_mode, "came dtype bool"),
        (filled(0, 1, np.complex128), Refusal.wrong_mode, "came dtype complex128"),
        (np.array([["a", "b"]]), Refusal.wrong_mode, "came dtype <U1"),
        (np.array([[None, {}]]), Refusal.wrong_mode, "came dtype object"),
    ],
)
def test_another_scale_is_recognised_and_named(array: NDArray[np.generic], refusal: Refusal, came: str) -> None:
    with pytest.raises(ImageRefused) as caught:
        to_eight_bits(array)
    assert caught.value.refusal is refusal
    assert came in caught.value.detail
