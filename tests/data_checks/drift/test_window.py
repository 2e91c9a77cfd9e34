import numpy as np
import pytest

from data_checks.drift.window import Window, keep_distinct
from tests.data_checks.drift.traffic import Source


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
