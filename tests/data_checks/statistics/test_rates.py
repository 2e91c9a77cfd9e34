import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from data_checks.statistics.rates import judge_rate_below, measure_rate
from data_checks.verdict import Phase


@pytest.mark.parametrize(("k", "n"), [(0, 7), (1, 7), (7, 7), (13, 1000), (60, 16000)])
@pytest.mark.parametrize("confidence", [0.9, 0.975, 0.999])
def test_bounds_agree_with_scipys_exact_binomial_test(k: int, n: int, confidence: float) -> None:
    interval = measure_rate(k, n, confidence=confidence)
    above = binomtest(k, n, alternative="greater").proportion_ci(confidence, method="exact")
    below = binomtest(k, n, alternative="less").proportion_ci(confidence, method="exact")
    assert interval.low == pytest.approx(above.low, rel=1e-8, abs=1e-12)
    assert interval.high == pytest.approx(below.high, rel=1e-8, abs=1e-12)


def test_no_event_in_n_trials_has_the_closed_form_bound() -> None:
    # (1 - high)^n = 1 - confidence
    assert measure_rate(0, 300, confidence=0.95).high == pytest.approx(1 - 0.05 ** (1 / 300))


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_bounds_hold_the_rate_and_mirror_when_events_and_non_events_change_places(
    kn: tuple[int, int],
) -> None:
    k, n = kn
    interval, mirrored = (measure_rate(count, n, confidence=0.99) for count in (k, n - k))
    assert 0 <= interval.low <= interval.rate <= interval.high <= 1
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-9)


@pytest.mark.parametrize(("k", "n", "confidence"), [(1, 0, 0.9), (-1, 5, 0.9), (6, 5, 0.9), (1, 5, 1.0), (1, 5, 0.2)])
def test_senseless_counts_and_confidences_are_refused(k: int, n: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="came"):
        measure_rate(k, n, confidence=confidence)


@pytest.mark.parametrize(
    ("k", "n", "phase", "words"),
    [
        (0, 0, Phase.no_data, "black: 0 trials, limit 0.01 not judged"),
        (99, 99, Phase.inconclusive, "too few to judge, at least 100 needed"),
        (0, 1000, Phase.passed, "black 0 [0, 0.006884] <= limit 0.01 (n=1000): upper bound 0.006884 <="),
        (12, 1000, Phase.inconclusive, "the interval holds the limit"),
        (42, 1000, Phase.failed, "black 0.042 [0.02498, 0.06534] > limit 0.01 (n=1000): lower bound 0.02498"),
    ],
)  # fmt: skip
def test_state_gives_phase_and_message(k: int, n: int, phase: Phase, words: str) -> None:
    verdict = judge_rate_below("black", k, n, limit=0.01, confidence=0.999, minimum_n=100)
    assert verdict.phase is phase
    assert words in verdict.reason


def test_a_rate_at_its_limit_is_called_failed_no_more_often_than_allowed_and_a_fault_is_found() -> None:
    # At the limit a true false rate of 1 % gives 200 of 20,000; more than 260 has probability 2e-5, and the
    # exact test stays below 1 %. At half the limit the largest true rate is 1.6e-4 (n = 100): 3 expected.
    rng = np.random.default_rng(7)

    def failed(rate: float, batches: int, n: int) -> int:
        counts = np.bincount(rng.binomial(n, rate, batches))
        return sum(
            int(times)
            for k, times in enumerate(counts)
            if judge_rate_below("black", k, n, limit=0.01, confidence=0.99, minimum_n=100).phase is Phase.failed
        )

    for n in (100, 300, 1000, 16_000):
        assert failed(0.01, 20_000, n) <= 260
        assert failed(0.005, 20_000, n) <= 20
    # 3 % against a limit of 1 %: power .988 at n = 1,000, so 1,900 of 2,000 is 15 sd below what is expected.
    assert failed(0.03, 2_000, 1000) >= 1_900
