"""Thresholds come from the sample: its good pictures pass with room below them, black frames never do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_checks.policy import InputPolicy
from latentloop.init.proposing.thresholds import (
    BLACK,
    propose_formats,
    propose_max_bytes,
    propose_max_pixels,
    propose_min_entropy,
    propose_min_variance,
)
from tests.latentloop.init.looks import DRAWING, PHOTOGRAPH, sized


@given(st.lists(st.floats(0, 0.25), min_size=1, max_size=50))
def test_no_picture_of_the_sample_is_refused_but_flat_ones_and_every_black_frame_is(found: list[float]) -> None:
    variance = np.array(found)

    threshold = propose_min_variance(variance).value

    assert not (variance[variance >= BLACK] < threshold).any()
    assert BLACK <= threshold <= InputPolicy().min_variance


def test_noise_of_a_dark_sensor_is_a_black_frame() -> None:
    noise = np.random.default_rng(0).normal(0, 2, (64, 64)) / 255

    assert noise.var() < BLACK


@pytest.mark.parametrize(("least", "threshold"), [(0.2, 0.01), (0.0042, 0.002), (0.0011, 0.0005), (0.00012, 1e-4)])
def test_half_of_the_least_variance_is_the_threshold_and_never_more_than_the_default(
    least: float, threshold: float
) -> None:
    assert propose_min_variance(np.array([0.05, least, 0.0])).value == pytest.approx(threshold)


def test_entropy_is_judged_only_where_the_sample_has_some() -> None:
    variance = np.array([0.05, 0.02, 0.0])

    assert propose_min_entropy(np.array([2.0, 0.41, 0.0]), variance).value == 0.2
    assert propose_min_entropy(np.array([2.0, 0.03, 0.0]), variance).value == 0.0


def test_sizes_and_formats_have_room_for_more_than_the_sample_met() -> None:
    huge = replace(sized(PHOTOGRAPH, 8000, 6000), size_bytes=60_000_000, format="WEBP")

    assert propose_formats([huge, DRAWING], [".png", ".tif"]).value == ("PNG", "JPEG", "WEBP", "TIFF")
    assert propose_max_pixels([huge]).value == 72_000_000
    assert propose_max_bytes([huge]).value == 86 * 2**20
    assert propose_max_pixels([DRAWING]).value == InputPolicy().max_pixels
