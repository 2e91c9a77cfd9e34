"""The relative change of a Fréchet distance: equal models, truths by hand, and its interval against fresh draws."""

import numpy as np
import pytest

from vae_core.errors import DataError
from vae_core.evaluation.distances.frechet import frechet_distance
from vae_core.evaluation.distances.frechet_interval import frechet_interval, prepare_features
from vae_core.evaluation.distances.moments import measure_moments
from vae_core.evaluation.distances.paired_change import RelativeChange, paired_reconstruction_change, sample_change

DIM, N = 12, 600
MIXING = np.random.default_rng(0).normal(size=(DIM, DIM)) / np.sqrt(DIM) + np.eye(DIM)


def real_images(rng: np.random.Generator, n: int = N) -> np.ndarray:
    return rng.normal(size=(n, DIM)) @ MIXING


def two_reconstructions(real: np.ndarray, rng: np.random.Generator, blur: float) -> tuple[np.ndarray, np.ndarray]:
    """Candidate and champion: shrunken images with errors that correlate by 0.81; `blur` shrinks the candidate's."""
    common = rng.normal(size=real.shape)
    candidate, champion = (0.9 * common + np.sqrt(0.19) * rng.normal(size=real.shape) for _ in range(2))
    return (0.7 - blur) * real + 0.3 * candidate, 0.7 * real + 0.3 * champion


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return frechet_distance(measure_moments(a), measure_moments(b))


@pytest.fixture
def sets() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    real = real_images(rng)
    return real, *two_reconstructions(real, rng, 0.05)


def test_the_value_is_the_ratio_of_the_two_distances(sets):
    real, candidate, champion = sets
    expected = distance(real, candidate) / distance(real, champion) - 1
    for change in (paired_reconstruction_change(*sets), sample_change(*sets)):
        assert change.value == pytest.approx(expected, rel=1e-9) and change.n == N
        assert change.low < change.value < change.high


@pytest.mark.parametrize("compare", [paired_reconstruction_change, sample_change])
def test_a_prepared_real_set_gives_the_same(sets, compare):
    real, candidate, champion = sets
    assert compare(prepare_features(real), candidate, champion) == compare(real, candidate, champion)


def test_equal_models_differ_by_nothing_and_that_is_certain(sets):
    real, _, champion = sets
    change = paired_reconstruction_change(real, champion.copy(), champion)
    assert (change.value, change.low, change.high) == pytest.approx((0, 0, 0), abs=1e-12)


def test_samples_of_equal_models_keep_their_own_noise(sets):
    real, _, champion = sets
    change = sample_change(real, champion.copy(), champion)
    assert change.value == 0 and change.low < 0 < change.high


def test_a_higher_level_is_a_wider_interval(sets):
    narrow, wide = (paired_reconstruction_change(*sets, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.value == wide.value < narrow.high < wide.high
    # the quantiles of the normal distribution at 99.5 and 75 %
    assert (wide.high - wide.value) / (narrow.high - narrow.value) == pytest.approx(2.5758 / 0.6745, rel=1e-3)


def test_exchanging_the_models_inverts_the_ratio(sets):
    real, candidate, champion = sets
    there, back = paired_reconstruction_change(*sets), paired_reconstruction_change(real, champion, candidate)
    assert (1 + there.value) * (1 + back.value) == pytest.approx(1)
    assert (there.high - there.value) / (1 + there.value) == pytest.approx((back.high - back.value) / (1 + back.value))


def test_pairing_is_far_narrower_than_two_distances_by_themselves(sets):
    real, candidate, champion = sets
    change = paired_reconstruction_change(*sets)
    ours, theirs = frechet_interval(real, candidate), frechet_interval(real, champion)
    apart = (1 + change.value) * np.hypot(ours.standard_error / ours.value, theirs.standard_error / theirs.value)
    assert change.high - change.value < 0.5 * 1.96 * apart


def test_an_image_left_out_moves_the_change_as_the_standard_error_assumes(sets):
    real, candidate, champion = sets
    few = [each[:200] for each in sets]
    change = paired_reconstruction_change(*few)
    left_out = [paired_reconstruction_change(*(np.delete(each, row, 0) for each in few)).value for row in range(200)]
    jackknife = np.sqrt(199**2 / 200 * np.var(left_out, ddof=1))
    # the jackknife has the curvature in it, which is of the order of DIM / n = 6 %
    assert (change.high - change.low) / (2 * 1.95996) == pytest.approx(jackknife, rel=0.1)


def fresh_changes(compare: str, blur: float, draws: int = 300) -> list[RelativeChange]:
    rng = np.random.default_rng(0)
    changes = []
    for _ in range(draws):
        real = real_images(rng)
        if compare == "reconstructions":
            changes.append(paired_reconstruction_change(real, *two_reconstructions(real, rng, blur)))
        else:
            candidate, champion = 0.7 * real_images(rng) + 0.2 + blur, 0.7 * real_images(rng) + 0.2
            changes.append(sample_change(real, candidate, champion))
    return changes


@pytest.mark.parametrize("blur", [0.0, 0.02])
@pytest.mark.parametrize("compare", ["reconstructions", "samples"])
def test_the_interval_covers_over_fresh_draws(compare: str, blur: float) -> None:
    changes = fresh_changes(compare, blur)
    values = np.array([change.value for change in changes])
    standard_error = np.mean([change.high - change.low for change in changes]) / (2 * 1.95996)
    # the spread of 300 values is known to 1/sqrt(600) = 4 %; three of those, and 3 % for the finite n
    assert standard_error == pytest.approx(values.std(ddof=1), rel=0.15)
    truth = values.mean() if blur else 0.0
    held = np.mean([change.low <= truth <= change.high for change in changes])
    # 95 % of 300 is known to 1.3 %: four of those either way
    assert 0.90 <= held <= 0.995
    if not blur:
        assert abs(values.mean()) < 4 * standard_error / np.sqrt(len(values))


@pytest.mark.parametrize("rows", [(N, N, N - 1), (N, N - 1, N), (N - 1, N, N)])
def test_reconstructions_of_other_images_are_refused(sets, rows):
    with pytest.raises(DataError, match=rf"same images, came {rows[0]} real, {rows[1]} of .*, {rows[2]} of"):
        paired_reconstruction_change(*(each[:n] for each, n in zip(sets, rows, strict=True)))


def test_sets_of_samples_may_differ_in_number(sets):
    real, candidate, champion = sets
    assert sample_change(real, candidate[:200], champion[:300]).n == 200


@pytest.mark.parametrize("compare", [paired_reconstruction_change, sample_change])
def test_a_perfect_champion_leaves_nothing_to_be_relative_to(sets, compare):
    real, candidate, _ = sets
    with pytest.raises(DataError, match="champion's distance is .*, as good as 0"):
        compare(real, candidate, real.copy())


def test_a_perfect_candidate_has_lost_the_whole_distance(sets):
    real, _, champion = sets
    change = paired_reconstruction_change(real, real.copy(), champion)
    assert change.value == pytest.approx(-1) and change.low == pytest.approx(-1) and change.high < -0.99


@pytest.mark.parametrize("compare", [paired_reconstruction_change, sample_change])
def test_other_feature_spaces_are_refused(sets, compare):
    real, candidate, champion = sets
    with pytest.raises(DataError, match="width 12 and 11"):
        compare(real, candidate[:, 1:], champion)
