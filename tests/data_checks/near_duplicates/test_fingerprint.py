"""What an image looks like, in a few hundred numbers."""

from __future__ import annotations

import numpy as np
import pytest

from data_checks.near_duplicates.fingerprint import (
    AT_ONCE,
    DETAIL_SIDE,
    GAIN,
    LUMA_SIDE,
    Fingerprints,
    Looks,
    join,
    take_fingerprints,
)
from tests.data_checks.near_duplicates.copies import pictures


def wave(down: int, across: int, size: int = 32) -> np.ndarray:
    """One grey picture (1, 1, size, size) of a lone cosine around the middle grey, sd 50 levels before rounding."""
    place = (np.arange(size) + 0.5) / size
    cosines = np.outer(np.cos(np.pi * down * place), np.cos(np.pi * across * place))
    return np.rint(128 + 50 * cosines / cosines.std())[None, None].clip(0, 255).astype(np.uint8)


def assert_same(found: Looks, expected: Looks) -> None:
    for name in ("shape", "contrast", "brightness", "detail"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize(("down", "across"), [(0, 1), (1, 0), (3, 2), (LUMA_SIDE - 1, LUMA_SIDE - 1)])
def test_the_contrast_of_a_low_wave_is_its_standard_deviation_and_its_shape_one_number(down: int, across: int) -> None:
    pixels = wave(down, across)
    looks = take_fingerprints(pixels).plain
    # rounded levels have a spread of 1 / sqrt(12) of their own, among 1,023 waves: 0.3 of 50 in one at the most
    assert looks.contrast[0] == pytest.approx(pixels.std() / 255, rel=0.01)
    assert looks.brightness[0] == pytest.approx(pixels.mean() / 255, abs=1e-6)
    assert abs(looks.shape[0]).max() == pytest.approx(1, abs=1e-3)
    assert (abs(looks.shape[0]) > 0.02).sum() == 1
    assert abs(looks.detail[0]).max() < 0.002


def test_a_finer_wave_is_detail_and_no_shape_and_a_still_finer_one_is_neither() -> None:
    fine = take_fingerprints(wave(LUMA_SIDE, 2)).plain
    assert abs(fine.detail[0]).max() == pytest.approx(wave(LUMA_SIDE, 2).std() / 255, rel=0.01)
    assert fine.contrast[0] < 0.002
    finest = take_fingerprints(wave(DETAIL_SIDE, DETAIL_SIDE)).plain
    assert abs(finest.detail[0]).max() < 0.002 and finest.contrast[0] < 0.002


def test_a_picture_of_one_colour_has_its_brightness_and_no_shape() -> None:
    flat = np.full((1, 3, 20, 20), 51, np.uint8)
    looks = take_fingerprints(flat).plain
    assert looks.brightness[0] == pytest.approx(0.2, abs=1e-6)
    assert looks.contrast[0] == pytest.approx(0, abs=1e-6)


def test_grey_in_three_channels_is_as_bright_and_has_the_contrast_of_grey_in_one() -> None:
    grey = pictures(5)
    one, three = take_fingerprints(grey).plain, take_fingerprints(grey.repeat(3, axis=1)).plain
    np.testing.assert_allclose(three.brightness, one.brightness, atol=1e-6)
    # its differences of colour are nought but for rounding
    np.testing.assert_allclose(three.contrast, one.contrast, rtol=1e-3)


def test_the_second_look_is_at_the_brightened_picture_clipped_where_it_is_white() -> None:
    white = np.full((1, 1, 8, 8), 255, np.uint8)
    dark = np.full((1, 1, 8, 8), 100, np.uint8)
    assert take_fingerprints(white).bright.brightness[0] == pytest.approx(1, abs=1e-6)
    assert take_fingerprints(dark).bright.brightness[0] == pytest.approx(GAIN * 100 / 255, abs=1e-6)


def test_many_images_have_the_fingerprints_that_each_has_in_any_company() -> None:
    many = np.tile(pictures(8, size=12), (AT_ONCE // 8 + 1, 1, 1, 1))
    together, alone = take_fingerprints(many), take_fingerprints(many[-3:])
    assert len(together) == len(many) and together.side == 12
    for name in ("shape", "detail", "contrast", "brightness"):
        np.testing.assert_allclose(
            getattr(together.plain, name)[-3:], getattr(alone.plain, name), atol=1e-3, err_msg=name
        )


def test_blocks_that_are_joined_are_those_that_were_taken() -> None:
    prints = take_fingerprints(pictures(7))
    whole = join([prints.take(slice(0, 3)), prints.take(np.array([3, 4, 5, 6]))])
    assert isinstance(whole, Fingerprints) and whole.side == prints.side
    assert_same(whole.plain, prints.plain)
    assert_same(whole.bright, prints.bright)
