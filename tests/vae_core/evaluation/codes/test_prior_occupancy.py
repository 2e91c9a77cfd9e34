"""A prior that samples where the codes are stays at the floor of chance, one that samples elsewhere does not."""

import numpy as np
import pytest
import torch

from vae_core.errors import DataError
from vae_core.evaluation.codes.prior_occupancy import compare_occupancy

SD = 0.3


def _codes(n: int, seed: int) -> tuple[np.ndarray, torch.Tensor]:
    """Means of four places in a plane, a third dimension that no image moves, and a draw of each posterior."""
    rng = np.random.default_rng(seed)
    means = np.zeros((n, 3))
    means[:, :2] = 3 * rng.choice([-1, 1], size=(n, 2)) + 0.5 * rng.normal(size=(n, 2))
    draws = means + np.array([SD, SD, 1.0]) * rng.normal(size=(n, 3))
    return means.astype(np.float32), torch.from_numpy(draws.astype(np.float32))


def test_samples_of_the_codes_own_distribution_seldom_leave_the_floor() -> None:
    found = [compare_occupancy(*_codes(800, seed), _codes(800, 1_000 + seed)[1], seed) for seed in range(60)]
    beyond = [each is not None and each.distance > each.floor_p95 for each in found]
    # 1 in 20, of which 60 pairs know 2.8 %; three of those above
    assert np.mean(beyond) <= 0.135
    typical = np.mean([each.distance for each in found if each is not None])
    assert typical == pytest.approx(np.mean([each.floor_mean for each in found if each is not None]), rel=0.05)


def test_samples_between_the_places_are_told_by_distance_and_evenness() -> None:
    (means, codes), rng = _codes(2_000, 0), np.random.default_rng(1)
    middle = torch.from_numpy(0.5 * rng.normal(size=(2_000, 3)).astype(np.float32))
    own, elsewhere = (compare_occupancy(means, codes, each, 0) for each in (_codes(2_000, 2)[1], middle))
    assert own is not None and elsewhere is not None
    assert own.distance < 0.2 < 0.8 < elsewhere.distance
    assert own.floor_mean < own.floor_p95 < 0.2
    assert (own.cells, own.n_images, own.n_samples) == (50, 1_000, 2_000)
    assert own.used_by_images >= 49 and own.used_by_samples >= 49
    assert elsewhere.used_by_samples < own.used_by_samples
    assert elsewhere.perplexity_of_samples < 25 < own.perplexity_of_samples <= 50


def test_one_seed_gives_one_answer() -> None:
    (means, codes), (_, samples) = _codes(400, 0), _codes(300, 1)
    assert compare_occupancy(means, codes, samples, 3) == compare_occupancy(means, codes, samples, 3)


def test_too_few_images_and_a_collapsed_encoder_have_no_cells() -> None:
    means, codes = _codes(79, 0)
    assert compare_occupancy(means[:78], codes[:78], codes, 0) is None
    assert compare_occupancy(means, codes, codes, 0) is not None, "forty of them make two cells"
    assert compare_occupancy(np.zeros((400, 3), np.float32), torch.zeros(400, 3), torch.zeros(400, 3), 0) is None


def test_samples_that_are_not_finite_are_refused() -> None:
    means, codes = _codes(400, 0)
    with pytest.raises(DataError, match="came NaN or infinity"):
        compare_occupancy(means, codes, torch.full((5, 3), torch.nan), 0)
