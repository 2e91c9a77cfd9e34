"""MSE, PSNR and SSIM against loops written out by hand and against scipy's filters."""

import math

import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vae_core.errors import DataError
from vae_core.evaluation.images.image_quality import choose_window, measure_quality, ssim_per_image


def _pairs(n: int, channels: int, height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Smooth pictures and what a blur and some noise make of them, float64 on [0, 1]."""
    rng = np.random.default_rng(seed)
    rough = rng.random((n, channels, height, width))
    x = scipy.ndimage.gaussian_filter(rough, (0, 0, 1, 1))
    x = (x - x.min()) / (x.max() - x.min())
    y = scipy.ndimage.gaussian_filter(x, (0, 0, 0.7, 0.7)) + 0.05 * rng.normal(size=x.shape)
    return x, y.clip(0, 1)


def _ssim_by_loops(x: np.ndarray, y: np.ndarray, size: int, sd: float) -> float:
    """Equation 13 of Wang et al. at each position where the window fits, one picture (H, W), two-pass moments."""
    distance = np.arange(size) - size // 2
    window = np.exp(-(distance[:, None] ** 2 + distance**2) / (2 * sd**2))
    window /= window.sum()
    found = []
    for top in range(x.shape[0] - size + 1):
        for left in range(x.shape[1] - size + 1):
            a, b = (each[top : top + size, left : left + size] for each in (x, y))
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            cov = (window * (a - mean_a) * (b - mean_b)).sum()
            found.append(
                (2 * mean_a * mean_b + 0.01**2)
                * (2 * cov + 0.03**2)
                / ((mean_a**2 + mean_b**2 + 0.01**2) * (var_a + var_b + 0.03**2))
            )
    return float(np.mean(found))


def _ssim_by_scipy(x: np.ndarray, y: np.ndarray) -> float:
    """The same by scipy's filter, radius 5 of sd 1.5, its border cut off."""

    def local(image: np.ndarray) -> np.ndarray:
        filtered: np.ndarray = scipy.ndimage.gaussian_filter(image, 1.5, radius=5)[5:-5, 5:-5]
        return filtered

    a, b = local(x), local(y)
    var_a, var_b, cov = local(x * x) - a * a, local(y * y) - b * b, local(x * y) - a * b
    maps = (2 * a * b + 1e-4) * (2 * cov + 9e-4) / ((a * a + b * b + 1e-4) * (var_a + var_b + 9e-4))
    return float(maps.mean())


@pytest.mark.parametrize(("height", "width"), [(28, 28), (11, 11), (11, 20), (8, 8), (5, 9), (3, 3)])
def test_ssim_is_wangs_equation_at_each_place_where_the_window_fits(height: int, width: int) -> None:
    x, y = _pairs(2, 1, height, width)
    window = choose_window(height, width)
    expected = [_ssim_by_loops(a[0], b[0], window.size, window.sd) for a, b in zip(x, y, strict=True)]
    found = ssim_per_image(torch.from_numpy(x), torch.from_numpy(y))
    # E[x²] - E[x]² in float64 is wrong by 1e-16, C2 is 9e-4
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_ssim_equals_scipys_gaussian_filter_on_a_large_colour_picture() -> None:
    x, y = _pairs(2, 3, 64, 48)
    expected = [np.mean([_ssim_by_scipy(a, b) for a, b in zip(*pair, strict=True)]) for pair in zip(x, y, strict=True)]
    np.testing.assert_allclose(ssim_per_image(torch.from_numpy(x), torch.from_numpy(y)), expected, rtol=1e-10)


def test_the_window_is_named_and_shrinks_only_where_it_must() -> None:
    assert (choose_window(28, 28).size, choose_window(28, 28).sd) == (11, 1.5)
    assert choose_window(11, 400).size == 11
    assert (choose_window(10, 28).size, choose_window(10, 28).sd) == (9, pytest.approx(1.5 * 9 / 11))
    with pytest.raises(DataError, match="at least 3x3 pixels, came 2x28"):
        choose_window(2, 28)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_ssim_is_symmetric_at_most_one_and_one_for_equal_pictures(seed: int) -> None:
    x, y = (torch.from_numpy(each) for each in _pairs(2, 1, 14, 14, seed))
    np.testing.assert_allclose(ssim_per_image(x, y), ssim_per_image(y, x), rtol=1e-12)
    assert float(ssim_per_image(x, y).max()) < 1
    np.testing.assert_allclose(ssim_per_image(x, x), 1.0, rtol=1e-12)


def test_psnr_of_the_set_and_of_the_images_are_two_numbers() -> None:
    x = np.full((3, 1, 12, 12), 0.5)
    y = x + np.array([0.1, 0.01, 0.2])[:, None, None, None]
    quality = measure_quality(x, y)
    errors = np.array([0.01, 0.0001, 0.04])
    assert quality.mse.mean == pytest.approx(errors.mean())
    assert quality.psnr_of_set_db is not None and quality.psnr_of_images_db is not None
    assert quality.psnr_of_set_db.mean == pytest.approx(-10 * math.log10(errors.mean()))
    assert quality.psnr_of_images_db.mean == pytest.approx((20 + 40 + 10 * math.log10(25)) / 3)
    assert quality.psnr_of_images_db.mean > quality.psnr_of_set_db.mean


def test_the_interval_of_the_sets_psnr_is_that_of_its_error() -> None:
    quality = measure_quality(*_pairs(50, 1, 16, 16))
    assert quality.psnr_of_set_db is not None
    for psnr, error in ((quality.psnr_of_set_db.low, quality.mse.high), (quality.psnr_of_set_db.high, quality.mse.low)):
        assert 10 ** (-psnr / 10) == pytest.approx(error)


def test_pairs_without_any_difference_have_no_finite_psnr() -> None:
    x, y = _pairs(3, 1, 12, 12)
    equal = measure_quality(x, x)
    assert (equal.psnr_of_set_db, equal.psnr_of_images_db, equal.mse.mean) == (None, None, 0)
    y[0] = x[0]
    partly = measure_quality(x, y)
    assert partly.psnr_of_images_db is not None and partly.psnr_of_images_db.n == 2


@pytest.mark.parametrize("channels", [1, 3])
def test_bytes_and_their_floats_are_one_picture_in_batches_of_any_size(channels: int) -> None:
    x, y = ((each * 255).astype(np.uint8) for each in _pairs(7, channels, 28, 28))
    x.flags.writeable = False
    whole = measure_quality(x, y)
    mixed = measure_quality(x, (y / 255).astype(np.float64), batch_size=3)
    assert mixed.ssim.mean == pytest.approx(whole.ssim.mean, rel=1e-12)
    assert mixed.mse.mean == pytest.approx(whole.mse.mean, rel=1e-12)
    assert (whole.n, whole.ssim.n, whole.window.size) == (7, 7, 11)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((2, 1, 8, 8)), np.zeros((2, 1, 8, 9)), r"one shape \(N ≥ 2, C, H, W\)"),
        (np.zeros((1, 1, 8, 8)), np.zeros((1, 1, 8, 8)), r"came \(1, 1, 8, 8\)"),
        (np.zeros((2, 1, 8, 8)), np.full((2, 1, 8, 8), 255.0), r"reconstructions on \[0, 1\], came 255 to 255"),
        (np.full((2, 1, 8, 8), np.nan), np.zeros((2, 1, 8, 8)), r"originals on \[0, 1\], came nan"),
        (np.zeros((2, 1, 8, 8), np.int64), np.zeros((2, 1, 8, 8)), "originals as uint8 or floats, came int64"),
    ],
)
def test_what_is_no_pair_of_pictures_is_refused(x: np.ndarray, y: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        measure_quality(x, y)
