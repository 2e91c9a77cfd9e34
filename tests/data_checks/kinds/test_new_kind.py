from dataclasses import replace

import numpy as np
import pytest

from data_checks.kinds.new_kind import NewKind, NewKindPolicy, find_new_kind
from data_checks.sample import Sample
from data_checks.statistics.rates import measure_rate
from tests.data_checks.kinds.drawn import KNOWN, NEW, draw, known_kinds, make_kinds, season_kinds

POLICY = NewKindPolicy()
_, ERRORS = make_kinds()
EXPECTED_RATIO = np.exp(ERRORS[NEW]) / np.exp(ERRORS[:NEW]).mean()
"""All kinds have the same spread of the log error, so it cancels."""


def reference(seed: int = 0, n: int = 3000) -> Sample:
    rng = np.random.default_rng(seed)
    return draw(known_kinds(n, rng), rng)


def joined(*samples: Sample) -> Sample:
    tables = [each.columns() for each in samples]
    return Sample.from_columns({name: np.concatenate([each[name] for each in tables]) for name in tables[0]})


def precision_and_recall(found: NewKind, is_new: np.ndarray) -> tuple[float, float]:
    return is_new[found.indices].mean(), is_new[found.indices].sum() / is_new.sum()


@pytest.mark.parametrize(("n", "known"), [(4000, 3000), (2000, 3000), (1000, 1500)])
def test_a_new_kind_in_17_percent_of_the_traffic_is_found_without_labels(n: int, known: int) -> None:
    figures = []
    for seed in range(5):
        rng = np.random.default_rng((seed, n))
        kinds = season_kinds(n, 0.17, rng)
        found = find_new_kind(draw(kinds, rng), reference(seed, known), POLICY, seed=seed)
        assert found is not None
        precision, recall = precision_and_recall(found, kinds == NEW)
        figures.append((precision, recall))
        assert 0 < found.share_low < found.share == len(found.indices) / n
        assert found.purity == pytest.approx(precision, abs=0.15)
        assert found.error_ratio == pytest.approx(EXPECTED_RATIO, rel=0.2)
        assert (np.diff(found.indices) > 0).all()
        assert found.distinct == len(found.indices)
    precision, recall = np.mean(figures, axis=0)
    assert precision >= 0.8, figures
    assert recall >= 0.6, figures


def test_equal_distributions_give_an_answer_in_at_most_1_percent_of_the_calls() -> None:
    calls, answers = 320, 0
    for seed in range(calls):
        rng = np.random.default_rng((seed, 1))
        n, known = [(300, 300), (600, 300), (300, 600), (500, 500)][seed % 4]
        window, before = (draw(known_kinds(size, rng), rng) for size in (n, known))
        answers += find_new_kind(window, before, POLICY, seed=seed) is not None
    # no answer in 320 calls: the rate is below 0.0093 at 95 %
    assert measure_rate(answers, calls, confidence=0.95).high <= 0.01


def test_runs_of_alike_images_are_not_taken_for_a_new_kind() -> None:
    # one shop uploads thirty images of a kind in a row: each kind's share in a window swings by luck
    calls, answers = 320, 0
    for seed in range(calls):
        rng = np.random.default_rng((seed, 2))
        window = draw(np.repeat(known_kinds(20, rng), 30), rng)
        answers += find_new_kind(window, reference(seed, 600), POLICY, seed=seed) is not None
    assert measure_rate(answers, calls, confidence=0.95).high <= 0.05


def test_the_lower_bound_of_the_rise_is_above_the_true_share_in_at_most_5_percent_of_the_windows() -> None:
    calls, above = 100, 0
    for seed in range(calls):
        rng = np.random.default_rng((seed, 3))
        found = find_new_kind(draw(season_kinds(800, 0.2, rng), rng), reference(seed, 800), POLICY, seed=seed)
        # the share of any set of images rises by at most the share of the images that came new
        above += found is not None and found.share_low > 0.2
    assert above / calls <= 0.05


def test_a_kind_that_doubled_is_no_new_kind() -> None:
    answers, windows = 0, 100
    for seed in range(windows):
        rng = np.random.default_rng((seed, 4))
        kinds = np.where(rng.random(800) < 1 / 7, 3, known_kinds(800, rng))
        answers += find_new_kind(draw(kinds, rng), reference(seed, 1000), POLICY, seed=seed) is not None
    # half of a doubled kind was there before: just at the limit, which luck passes in at most 5 % of the windows
    assert measure_rate(answers, windows, confidence=0.95).high <= 0.1


def test_a_rise_that_is_certain_but_small_does_not_matter() -> None:
    rng = np.random.default_rng(16)
    window, known = draw(season_kinds(6000, 0.03, rng), rng), reference(0, 6000)
    picky = NewKindPolicy(min_rise=0.03)
    assert find_new_kind(window, known, POLICY, seed=0) is not None
    assert find_new_kind(window, known, picky, seed=0) is None


def test_a_known_kind_that_takes_over_is_found_but_its_error_is_no_worse_than_usual() -> None:
    rng = np.random.default_rng(8)
    kinds = np.where(rng.random(3000) < 0.6, 3, known_kinds(3000, rng))
    found = find_new_kind(draw(kinds, rng), reference(), POLICY, seed=0)
    assert found is not None
    assert precision_and_recall(found, kinds == 3)[0] > 0.9
    usual = reference().recon_error.mean()
    assert found.error_ratio == pytest.approx(draw(np.full(2000, 3), rng).recon_error.mean() / usual, rel=0.1)
    assert found.error_ratio < 1.3


def test_one_image_sent_again_and_again_counts_once() -> None:
    rng = np.random.default_rng(9)
    once = draw(np.array([NEW]), rng)
    flood = joined(draw(known_kinds(1000, rng), rng), once.take(np.zeros(500, dtype=int)))
    assert find_new_kind(flood, reference(), POLICY, seed=0) is None

    kinds = season_kinds(1000, 0.25, rng)
    twice = np.repeat(np.arange(1000), 2)
    found = find_new_kind(draw(kinds, rng).take(twice), reference(), POLICY, seed=0)
    assert found is not None
    assert found.distinct * 2 == len(found.indices)
    np.testing.assert_array_equal(found.indices[::2] + 1, found.indices[1::2])
    assert precision_and_recall(found, (kinds == NEW)[twice])[0] > 0.8


def test_images_with_nan_are_passed_over_and_the_others_judged() -> None:
    rng = np.random.default_rng(10)
    kinds = season_kinds(2000, 0.2, rng)
    window, known = draw(kinds, rng), reference()
    window.recon_error[::7] = np.nan
    window.mu[3::11, 2] = np.inf
    known.recon_error[:20] = np.nan
    found = find_new_kind(window, known, POLICY, seed=0)
    assert found is not None
    spoilt = ~np.isfinite(window.recon_error) | ~np.isfinite(window.mu).all(axis=1)
    assert not spoilt[found.indices].any()
    assert np.isfinite([found.error_ratio, found.share_low, found.purity]).all()
    assert precision_and_recall(found, kinds == NEW)[0] > 0.8


@pytest.mark.parametrize("case", ["few in the window", "few in the reference", "empty", "all NaN", "all alike"])
def test_too_little_to_tell_is_no_new_kind(case: str) -> None:
    rng = np.random.default_rng(11)
    window, known = draw(np.full(1000, NEW), rng), reference()
    if case == "few in the window":
        window = window.take(slice(0, 199))
    elif case == "few in the reference":
        known = known.take(slice(0, 199))
    elif case == "empty":
        window = window.take(slice(0, 0))
    elif case == "all NaN":
        window.recon_error[:] = np.nan
    else:
        window = window.take(np.zeros(1000, dtype=int))
    assert find_new_kind(window, known, POLICY, seed=0) is None


def test_traffic_of_nothing_but_the_new_kind_is_all_found() -> None:
    window = draw(np.full(1000, NEW), np.random.default_rng(13))
    found = find_new_kind(window, reference(), POLICY, seed=0)
    assert found is not None
    assert found.share > 0.9
    assert found.share_low > 0.8


def test_the_same_seed_finds_the_same_images() -> None:
    rng = np.random.default_rng(14)
    window = draw(season_kinds(1500, 0.2, rng), rng)
    once, again = (find_new_kind(window, reference(), POLICY, seed=4) for _ in range(2))
    assert once is not None and again is not None
    np.testing.assert_array_equal(once.indices, again.indices)
    assert (once.share_low, once.purity) == (again.share_low, again.purity)


def test_codes_of_another_model_are_refused() -> None:
    known = reference()
    other = replace(known, mu=known.mu[:, :5], own={**known.own, "logvar": known.column("logvar")[:, :5]})
    with pytest.raises(ValueError, match="expected codes of 5 dimensions as in the reference, came 16"):
        find_new_kind(known, other, POLICY, seed=0)


def test_the_kinds_of_these_tests_overlap_so_that_codes_alone_would_not_do() -> None:
    rng = np.random.default_rng(15)
    window = draw(np.full(500, NEW), rng)
    every = draw(np.repeat(np.arange(KNOWN), 200), rng)
    spread = np.linalg.norm(every.mu.astype(float), axis=1)
    assert np.quantile(np.linalg.norm(window.mu.astype(float), axis=1), 0.9) < np.quantile(spread, 0.9)
