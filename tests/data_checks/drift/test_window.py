from dataclasses import replace

import numpy as np
import pytest

from data_checks.drift.window import Window, keep_distinct
from data_checks.image_statistics import measure_images
from tests.data_checks.drift.traffic import Source, concatenate


def test_a_window_that_received_less_than_it_holds_is_refused() -> None:
    sample = Source(latent_dim=3).draw(10, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"expected received >= 10 answered \+ {'low_variance': 3} refused, came 12"):
        Window(sample, {"low_variance": 3}, 12)


def test_of_repeated_images_the_newest_stays_and_the_order_is_kept() -> None:
    sample = Source(latent_dim=3).draw(6, np.random.default_rng(0))
    burst = sample.take(np.array([0, 1, 1, 2, 0, 1]))
    assert keep_distinct(burst).image_mean.tolist() == sample.image_mean[[2, 0, 1]].tolist()


def test_statistics_that_are_not_finite_tell_no_images_apart() -> None:
    sample = Source(latent_dim=3).draw(6, np.random.default_rng(0))
    for name in ("image_mean", "image_variance", "image_entropy"):
        getattr(sample, name)[:] = np.nan
    assert len(keep_distinct(sample)) == 6


def test_two_thousand_two_tone_pictures_are_two_thousand_though_their_statistics_are_a_few_hundred() -> None:
    """Black with white pixels: mean, variance and entropy are functions of how many are white."""
    rng = np.random.default_rng(0)
    pictures = np.where(rng.random((2_000, 1, 28, 28)) < rng.uniform(0.1, 0.4, (2_000, 1, 1, 1)), 255, 0).astype(
        np.uint8
    )
    assert len(np.unique(pictures.reshape(2_000, -1), axis=0)) == 2_000
    told = measure_images(pictures)
    statistics = {"image_mean": told.mean, "image_variance": told.variance, "image_entropy": told.entropy_bits}
    sample = replace(Source(latent_dim=3).draw(2_000, rng), **statistics)
    assert len(keep_distinct(sample)) < 300
    assert len(keep_distinct(replace(sample, image_digest=np.arange(1, 2_001)))) == 2_000


def test_images_from_before_digests_were_kept_are_told_apart_by_statistics_beside_the_others() -> None:
    old, new = (Source(latent_dim=3).draw(4, np.random.default_rng(seed)) for seed in (0, 1))
    old = replace(old.take(np.array([0, 1, 1])), image_digest=np.zeros(3, np.int64))
    new = replace(new.take(np.array([0, 0, 1])), image_digest=np.array([7, -7, 7]))
    kept = keep_distinct(concatenate(old, new))
    assert kept.image_digest is not None and kept.image_digest.tolist() == [0, 0, -7, 7]
    assert kept.image_mean.tolist() == [*old.image_mean[[0, 2]], *new.image_mean[[1, 2]]]
