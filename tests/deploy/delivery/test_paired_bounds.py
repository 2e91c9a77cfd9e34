"""The judged quantities by simulation: small ones here, 1,000 canaries of a day each in benchmarks/canary_aa."""

import numpy as np
import pytest

from benchmarks.paired_errors import DRAWS
from deploy.delivery.paired_bounds import bound_error, bound_newest_error, bound_tail
from deploy.delivery.trial_policy import DeliveryPolicy

POLICY = DeliveryPolicy()
CANARIES, REQUESTS = 100, 5_000


@pytest.mark.parametrize("traffic", sorted(DRAWS))
def test_at_the_margin_almost_none_is_promoted_or_rolled_back(traffic: str) -> None:
    # built with alpha 0.1 %: two or more of 100 have probability 0.5 % a side; the bars are benchmarks/canary_aa's
    pairs = DRAWS[traffic](1.02, (CANARIES, REQUESTS), np.random.default_rng(11))
    found = bound_error(pairs.champion, pairs.candidate, POLICY)
    newest_low = bound_newest_error(pairs.champion, pairs.candidate, POLICY)
    assert ((found.low > 0) | (newest_low > 0)).any(1).sum() <= 1
    assert (found.high < 0).any(1).sum() <= 1


@pytest.mark.parametrize("traffic", sorted(set(DRAWS) - {"bursts", "ar1"}))
def test_equal_models_are_never_rolled_back_and_a_candidate_4_percent_worse_is(traffic: str) -> None:
    rng = np.random.default_rng(12)
    equal, worse = (DRAWS[traffic](factor, (50, REQUESTS), rng) for factor in (1.0, 1.04))
    assert not (bound_error(equal.champion, equal.candidate, POLICY).low > 0).any()
    assert (bound_error(worse.champion, worse.candidate, POLICY).low > 0).any(1).all()


def test_copies_of_an_image_tell_no_more_than_the_image() -> None:
    pairs = DRAWS["lognormal"](1.04, (1, 700), np.random.default_rng(13))
    once = bound_error(pairs.champion, pairs.candidate, POLICY)
    tenfold = bound_error(np.repeat(pairs.champion, 10, 1), np.repeat(pairs.candidate, 10, 1), POLICY)
    assert np.isneginf(tenfold.low[0, :2_000]).all()
    assert tenfold.mean[0, -1] - tenfold.low[0, -1] > once.mean[0, -1] - once.low[0, -1]


@pytest.mark.parametrize("repeats", [1, 10])
def test_a_tail_excess_at_the_limit_is_neither_passed_nor_failed(repeats: int) -> None:
    # 1 % of the images jump over the threshold; with ten copies of each, a quiet beginning must not look like proof
    rng = np.random.default_rng(14)
    shape = (100, 10_000 // repeats)
    champion = np.minimum(rng.lognormal(-0.11, 0.47, shape), 2.3)
    candidate = np.where(rng.random(shape) < 0.01, 3.0, np.minimum(champion * rng.lognormal(0, 0.1, shape), 2.3))
    found = bound_tail(np.repeat(champion, repeats, 1), np.repeat(candidate, repeats, 1), 2.4, POLICY)
    assert (found.low > 0).any(1).sum() <= 1
    assert (found.high < 0).any(1).sum() <= 1


def test_identical_models_pass_the_tail_only_after_enough_images_for_an_excess_to_have_shown() -> None:
    errors = np.random.default_rng(15).lognormal(-0.11, 0.47, 4_000)
    found = bound_tail(errors, errors, 2.4, POLICY)
    first = int((found.high < 0).argmax()) + 1
    assert 0.99**first < POLICY.alpha  # an excess of 1 % would have stayed unseen with less than this probability
    assert first < 2_500


@pytest.mark.parametrize("factor", [1.1, 3.0])
def test_a_candidate_that_turns_bad_is_seen_on_the_newest_pairs(factor: float) -> None:
    rng = np.random.default_rng(16)
    good, bad = (DRAWS["lognormal"](each, (50, 3_500), rng) for each in (0.98, factor))
    champion, candidate = (
        np.concatenate([getattr(good, name), getattr(bad, name)], axis=1) for name in ("champion", "candidate")
    )
    low = bound_newest_error(champion, candidate, POLICY)
    assert not (low[:, :3_500] > 0).any()
    # at the latest 1,000 pairs to the next restart, and what a bound of 10 % needs of its own
    assert (low[:, :5_000] > 0).any(1).all()
