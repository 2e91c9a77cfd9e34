import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_core.errors import DataError
from vae_core.training.data.mixing import mixing_weights


def marks(new: int, old: int) -> np.ndarray:
    return np.arange(new + old) < new


def test_a_rare_kind_comes_to_a_fifth_of_what_is_drawn():
    mixture = mixing_weights(marks(600, 5400))
    assert mixture.new_share == pytest.approx(0.2) and mixture.natural_share == pytest.approx(0.1)
    assert mixture.oversampling == pytest.approx(2.0) and mixture.replay_weight == pytest.approx(0.8 / 0.9)
    assert mixture.new_images == 600
    assert mixture.weights[:600].sum() / mixture.weights.sum() == pytest.approx(0.2)


def test_no_image_is_drawn_more_than_ten_times_an_epoch_and_the_share_that_is_left_is_told():
    mixture = mixing_weights(marks(500, 99_500))
    assert mixture.oversampling == pytest.approx(10.0) and mixture.weights.max() == pytest.approx(10.0)
    assert mixture.new_share == pytest.approx(0.05)


def test_a_kind_that_is_common_already_is_left_as_it_comes():
    mixture = mixing_weights(marks(3000, 1000))
    assert mixture.new_share == pytest.approx(0.75)
    np.testing.assert_allclose(mixture.weights, 1.0)


def test_nothing_but_the_new_kind_needs_no_replay():
    mixture = mixing_weights(marks(500, 0))
    assert mixture.new_share == 1.0 and mixture.replay_weight == 0.0
    np.testing.assert_allclose(mixture.weights, 1.0)


@given(st.integers(1, 300), st.integers(0, 3000), st.floats(0, 0.99), st.floats(1, 50))
def test_weights_have_mean_one_and_keep_both_limits(new, old, share, ceiling):
    is_new = np.random.default_rng(0).permutation(marks(new, old))
    mixture = mixing_weights(is_new, min_new_share=share, max_oversampling=ceiling, min_distinct=1)
    assert mixture.weights.shape == is_new.shape and mixture.weights.dtype == np.float64
    assert mixture.weights.mean() == pytest.approx(1.0)
    assert mixture.weights[is_new].sum() / len(is_new) == pytest.approx(mixture.new_share)
    assert np.all(mixture.weights[is_new] == mixture.oversampling) and mixture.oversampling <= ceiling * (1 + 1e-9)
    assert np.all(mixture.weights[~is_new] == mixture.replay_weight) and mixture.replay_weight <= 1 + 1e-9
    # one of the two limits, or nature, decides
    assert mixture.new_share == pytest.approx(max(new / (new + old), min(share, ceiling * new / (new + old))))


@pytest.mark.parametrize("new", [0, 499])
def test_too_few_distinct_images_are_refused_in_one_sentence(new):
    with pytest.raises(DataError, match=f"at least 500 distinct images of the new kind, came {new} among 2000"):
        mixing_weights(marks(new, 2000 - new))


def test_even_when_asked_for_none_there_must_be_one():
    with pytest.raises(DataError, match="at least 1 distinct images of the new kind, came 0"):
        mixing_weights(marks(0, 10), min_distinct=0)


@pytest.mark.parametrize(
    ("is_new", "options", "complaint"),
    [
        (np.ones(600, dtype=int), {}, r"is_new as bool \(N,\), came int64 \(600,\)"),
        (np.ones((600, 1), dtype=bool), {}, r"came bool \(600, 1\)"),
        (marks(600, 0), {"min_new_share": 1.0}, r"min_new_share in \[0, 1\), came 1.0"),
        (marks(600, 0), {"min_new_share": float("nan")}, "min_new_share"),
        (marks(600, 0), {"max_oversampling": 0.5}, "max_oversampling of at least 1 and finite, came 0.5"),
        (marks(600, 0), {"max_oversampling": float("inf")}, "max_oversampling"),
    ],
)
def test_arguments_out_of_bounds_are_refused(is_new, options, complaint):
    with pytest.raises(DataError, match=complaint):
        mixing_weights(is_new, **options)
