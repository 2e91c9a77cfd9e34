import numpy as np
import pytest

from benchmarks.paired_errors import DRAWS


@pytest.mark.parametrize("traffic", sorted(DRAWS))
@pytest.mark.parametrize("factor", [1.0, 1.02, 1.04])
def test_the_candidates_mean_is_exactly_the_factor_times_the_champions(traffic: str, factor: float) -> None:
    pairs = DRAWS[traffic](factor, (200, 10_000), np.random.default_rng(0))
    difference = (pairs.candidate - factor * pairs.champion).mean(1)
    # the mean over 2 million pairs lies within four standard errors of zero, taken from the 200 streams' own means
    assert abs(difference.mean()) < 4 * difference.std(ddof=1) / np.sqrt(200)
    assert pairs.champion.min() > 0 and pairs.candidate.min() > 0
    assert pairs.champion.mean() == pytest.approx(1.0, abs=0.05)
    assert pairs.champion.std() / pairs.champion.mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("traffic", sorted(set(DRAWS) - {"twice_as_bad"}))
def test_pair_noise_has_a_standard_deviation_of_a_tenth(traffic: str) -> None:
    pairs = DRAWS[traffic](1.0, (100, 10_000), np.random.default_rng(1))
    assert (pairs.candidate - pairs.champion).std() == pytest.approx(0.1, rel=0.1)
    assert np.corrcoef(pairs.candidate.ravel(), pairs.champion.ravel())[0, 1] == pytest.approx(0.98, abs=0.005)


def test_dependence_is_what_it_says() -> None:
    ar1, bursts = (DRAWS[name](1.02, (50, 5_000), np.random.default_rng(2)) for name in ("ar1", "bursts"))
    noise = ar1.candidate - 1.02 * ar1.champion
    for lag in (1, 2, 3):
        assert np.corrcoef(noise[:, lag:].ravel(), noise[:, :-lag].ravel())[0, 1] == pytest.approx(0.7**lag, abs=0.02)
    runs = [np.diff(np.flatnonzero(np.diff(stream))) for stream in bursts.champion]
    assert all((run == 10).all() for run in runs)


def test_two_percent_of_the_images_are_twice_as_bad() -> None:
    pairs = DRAWS["twice_as_bad"](1.02, (20, 10_000), np.random.default_rng(3))
    assert (pairs.candidate / pairs.champion > 1.6).mean() == pytest.approx(0.02, abs=0.002)
    assert np.median(pairs.candidate / pairs.champion) == pytest.approx(1.0, abs=0.01)
