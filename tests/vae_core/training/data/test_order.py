import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vae_core.synthetic_images import boxes
from vae_core.errors import DataError
from vae_core.training.data.batches import Batches
from vae_core.training.data.order import digest_sampling_weights, weighted_order


def draws(weights: np.ndarray, seed: int = 0) -> np.ndarray:
    order = weighted_order(weights, np.random.default_rng(seed))
    assert order.shape == weights.shape and order.dtype == np.int64
    return np.bincount(order, minlength=len(weights))


@given(
    st.lists(st.one_of(st.just(0.0), st.floats(1e-3, 1e3)), min_size=1, max_size=80).filter(any),
    st.integers(0, 1000),
)
def test_in_every_epoch_an_image_comes_as_often_as_its_weight_says_to_the_nearest_whole_number(values, seed):
    weights = np.array(values)
    expected = weights / weights.mean()
    came = draws(weights, seed)
    assert np.all(came >= np.floor(expected - 1e-6)) and np.all(came <= np.ceil(expected + 1e-6))
    assert not came[weights == 0].any()


@given(st.integers(1, 100), st.floats(1e-6, 1e6), st.integers(0, 100))
def test_equal_weights_are_a_permutation(count, weight, seed):
    assert np.all(draws(np.full(count, weight), seed) == 1)


def test_over_epochs_every_image_comes_in_proportion():
    weights = np.random.default_rng(0).uniform(0, 3, 50)
    came = np.sum([draws(weights, seed) for seed in range(2000)], axis=0) / 2000
    # a draw is floor or ceil of the weight, so its sd is at most 0.5: four of them over the root of 2,000
    np.testing.assert_allclose(came, weights / weights.mean(), atol=4 * 0.5 / np.sqrt(2000))


def test_positions_in_an_epoch_do_not_follow_the_weights():
    weights = np.where(np.arange(1000) < 100, 2.0, 1.0)
    positions = [np.flatnonzero(weighted_order(weights, np.random.default_rng(seed)) < 100) for seed in range(200)]
    # the mean position of 200 * 182 draws is known to 1000 / sqrt(12 * 36,400) = 1.5: four of them
    assert np.concatenate(positions).mean() == pytest.approx(499.5, abs=6)


def weighted(seed: int = 0) -> Batches:
    weights = np.arange(10, dtype=np.float64)
    return Batches(boxes(10), (1, 8, 8), batch_size=3, seed=seed, device="cpu", weights=weights)


def test_a_weighted_step_has_the_same_images_whatever_was_asked_before():
    source = weighted()
    assert source.steps_per_epoch == 3
    expected = [source.indices(step).tolist() for step in range(9)]
    assert [source.indices(step).tolist() for step in reversed(range(9))] == expected[::-1]
    assert [weighted().indices(step).tolist() for step in (7, 0)] == [expected[7], expected[0]]
    assert [weighted(1).indices(step).tolist() for step in range(9)] != expected


@pytest.mark.parametrize(
    ("weights", "complaint"),
    [
        (np.ones(9), r"floats \(10,\), one an image, came float64 \(9,\)"),
        (np.ones((10, 1)), r"came float64 \(10, 1\)"),
        (np.ones(10, dtype=int), r"came int64 \(10,\)"),
        (np.zeros(10), "some above it, came none above 0"),
        (np.where(np.arange(10) < 2, -1.0, 1.0), "came 2 that are negative, NaN or infinite"),
        (np.where(np.arange(10) < 1, np.nan, 1.0), "came 1 that are negative, NaN or infinite"),
        (np.where(np.arange(10) < 3, np.inf, 1.0), "came 3 that are negative, NaN or infinite"),
    ],
)
def test_weights_that_cannot_be_drawn_by_are_refused(weights, complaint):
    with pytest.raises(DataError, match=complaint):
        Batches(boxes(10), (1, 8, 8), batch_size=3, seed=0, device="cpu", weights=weights)


def test_weights_are_named_by_their_values():
    assert digest_sampling_weights(np.ones(3)) == digest_sampling_weights(np.ones(3, dtype=np.float32))
    assert digest_sampling_weights(np.ones(3)) != digest_sampling_weights(np.array([1, 1, 1 + 1e-9]))
