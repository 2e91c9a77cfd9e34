"""A set of real images as a ruler: its floor, and what may be measured against it."""

import numpy as np
import pytest

from tests.vae_core.linear_vae import PixelFeatures, draw_images
from vae_core.errors import DataError
from vae_core.evaluation.distances.frechet_ruler import FrechetRuler
from vae_core.evaluation.features.real_features import RealFeatures, extract_real_features

EXTRACTOR = PixelFeatures()
FEATURES = extract_real_features(draw_images(400), EXTRACTOR)
OTHERS = extract_real_features(draw_images(400, seed=1), EXTRACTOR)


def test_the_floor_is_of_an_independent_set_or_of_two_halves_which_are_further_apart() -> None:
    ruler = FrechetRuler.of(FEATURES, EXTRACTOR)
    (halves, of_halves), (whole, of_whole) = ruler.measure_floor(None), ruler.measure_floor(OTHERS)
    assert (of_halves, halves.n_real, halves.n_fake) == ("two_halves", 200, 200)
    assert (of_whole, whole.n_real, whole.n_fake) == ("independent_set", 400, 400)
    # the bias of equal distributions is in proportion to 1 / n; a single floor is known to about an eighth
    assert halves.value == pytest.approx(2 * whole.value, rel=0.3)


def test_the_halves_of_a_set_that_is_sorted_by_kind_are_of_the_same_kinds() -> None:
    dark_first = np.concatenate([draw_images(200) // 4, draw_images(200, seed=1)])
    ruler = FrechetRuler.of(extract_real_features(dark_first, EXTRACTOR), EXTRACTOR)
    floor, _ = ruler.measure_floor(None)
    dark_to_bright = FrechetRuler.of(extract_real_features(dark_first[:200], EXTRACTOR), EXTRACTOR)
    assert floor.value < 0.1 * dark_to_bright.measure_samples(EXTRACTOR.extract(dark_first[200:])).value


def test_reconstructions_belong_to_their_images_and_samples_to_none() -> None:
    ruler = FrechetRuler.of(FEATURES, EXTRACTOR)
    nearly = FEATURES.features + np.float32(0.01) * np.random.default_rng(0).normal(size=(400, 16)).astype(np.float32)
    pairs, samples = ruler.measure_reconstructions(nearly), ruler.measure_samples(nearly)
    assert pairs.value == samples.value and pairs.standard_error < 0.5 * samples.standard_error
    assert (pairs.feature_space, pairs.n_too_small) == ("pixels", True)


def test_features_of_another_extractor_are_no_ruler_and_no_floor() -> None:
    foreign = RealFeatures(FEATURES.features, "pixels", "f" * 64, FEATURES.data_digest)
    with pytest.raises(DataError, match="of the extractor .*, came features of ffffffffffff"):
        FrechetRuler.of(foreign, EXTRACTOR)
    with pytest.raises(DataError, match="extract them again"):
        FrechetRuler.of(FEATURES, EXTRACTOR).measure_floor(foreign)
