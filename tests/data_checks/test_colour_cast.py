"""Colours are flagged by their own catalogue's measure, at a rate that is stated."""

import numpy as np
import pytest

from data_checks.colour_cast import (
    COLOUR_BINS,
    derive_reference,
    flag_colours,
    measure_colours,
    score_colours,
)


def skin(seed: int) -> np.ndarray:
    """A picture of warm shades, as portraits have them (3, 16, 16)."""
    rng = np.random.default_rng(seed)
    warmth = rng.integers(120, 250, (1, 16, 16))
    return (warmth * np.array([1.0, 0.7, 0.5]).reshape(3, 1, 1)).astype(np.uint8)


REFERENCE = derive_reference(np.stack([measure_colours(skin(seed)) for seed in range(400)]))


def test_the_histogram_counts_four_levels_of_each_channel_red_first() -> None:
    pixels = np.zeros((3, 2, 2), np.uint8)
    pixels[:, 0, 0] = (255, 0, 0)
    pixels[:, 0, 1] = (0, 64, 0)
    pixels[:, 1, 0] = (0, 0, 128)
    found = measure_colours(pixels)
    assert found.shape == (COLOUR_BINS,) and found.sum() == 1
    assert {int(place) for place in np.flatnonzero(found)} == {3 * 16, 1 * 4, 2, 0}


def test_a_picture_of_the_catalogue_is_not_flagged() -> None:
    assert flag_colours(measure_colours(skin(1_000)), REFERENCE) == ()


def test_swapped_channels_are_flagged_where_the_catalogue_has_a_hue_of_its_own() -> None:
    assert flag_colours(measure_colours(skin(1_000)[::-1]), REFERENCE) == ("channel_order", "palette")


@pytest.mark.parametrize("gain", [(0.4, 1, 1), (1, 0.3, 1.6), (0.5, 1.2, 2)])
def test_a_cast_is_flagged_as_a_strange_palette(gain: tuple[float, float, float]) -> None:
    tinted = (skin(1_000) * np.array(gain).reshape(3, 1, 1)).clip(0, 255).astype(np.uint8)
    assert "palette" in flag_colours(measure_colours(tinted), REFERENCE)


def test_a_catalogue_of_greys_knows_no_channel_order() -> None:
    grey = np.repeat(skin(3)[:1], 3, axis=0)
    histogram = measure_colours(grey)
    assert score_colours(histogram, histogram.astype(float), 1)["channel_order"] == 0


def test_good_pictures_are_flagged_no_more_often_than_stated() -> None:
    """Exchangeable scores: each is beyond the k-th largest of n others with probability k / (n + 1)."""
    rng = np.random.default_rng(7)
    share, n, fresh, flagged, rounds = 0.02, 300, 100, 0, 40
    for _ in range(rounds):
        drawn = rng.dirichlet(np.full(COLOUR_BINS, 0.3), n + fresh)
        reference = derive_reference(drawn[:n], share)
        flagged += sum(bool(flag_colours(each, reference)) for each in drawn[n:])
    # two scores of `share` each; four standard errors of 4,000 draws at .04
    assert flagged / (rounds * fresh) <= 2 * share + 4 * np.sqrt(0.04 * 0.96 / (rounds * fresh))
