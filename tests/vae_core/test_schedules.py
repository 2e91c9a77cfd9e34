import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_core.schedules import cyclical_kl_weight, learning_rate, linear_kl_weight, monotonic_kl_weight

SHARE = st.floats(0, 1)


@given(SHARE, SHARE)
def test_the_learning_rate_falls_between_its_ends(one, other):
    earlier, later = sorted((one, other))
    assert 1e-3 >= learning_rate(earlier, 1e-3, 3e-4) >= learning_rate(later, 1e-3, 3e-4) >= 3e-4 - 1e-12


def test_the_learning_rate_reaches_both_ends():
    assert learning_rate(0, 1e-3, 3e-4) == 1e-3
    assert learning_rate(1, 1e-3, 3e-4) == pytest.approx(3e-4)


@pytest.mark.parametrize("kl_weight", [linear_kl_weight, monotonic_kl_weight])
@given(one=SHARE, other=SHARE, warmup=st.floats(0, 1), beta=st.floats(0, 10))
def test_the_kl_weight_never_falls_and_never_exceeds_beta(kl_weight, one, other, warmup, beta):
    earlier, later = sorted((one, other))
    assert 0 <= kl_weight(earlier, warmup, beta) <= kl_weight(later, warmup, beta) * (1 + 1e-12) <= beta * (1 + 1e-12)


def cyclical(done, warmup=1.0, beta=2.0, cycles=4, rising_share=0.5):
    return cyclical_kl_weight(done, warmup, beta, cycles, rising_share)


@given(SHARE, st.floats(1e-3, 1), st.floats(0, 10), st.integers(1, 20), SHARE)
def test_a_cyclical_kl_weight_stays_between_0_and_beta_and_ends_at_it(done, warmup, beta, cycles, rising_share):
    assert 0 <= cyclical(done, warmup, beta, cycles, rising_share) <= beta
    assert cyclical(1.0, warmup, beta, cycles, rising_share) == beta


@pytest.mark.parametrize(
    ("done", "weight"),
    [(0, 0), (0.0625, 1), (0.125, 2), (0.2499, 2), (0.25, 0), (0.3125, 1), (0.75, 0), (0.99, 2), (1, 2), (7, 2)],
)
def test_each_cycle_begins_at_0_rises_for_its_first_half_and_stays(done, weight):
    assert cyclical(done) == pytest.approx(weight)
    assert cyclical(5000 * done, warmup=5000) == pytest.approx(weight)  # in steps as in shares


def test_one_cycle_that_rises_all_the_time_is_a_line():
    for done in (0.0, 0.1, 0.37, 0.9, 1.0):
        one = cyclical(done, warmup=0.8, cycles=1, rising_share=1.0)
        assert one == pytest.approx(linear_kl_weight(done, 0.8, 2.0))


def test_cycles_that_never_rise_are_beta_throughout():
    assert {cyclical(done, rising_share=0.0) for done in (0, 0.1, 0.25, 0.6)} == {2.0}


def test_the_monotonic_curve_is_0_half_and_beta_and_slow_at_its_ends():
    assert [monotonic_kl_weight(done, 10, 2) for done in (0, 5, 10, 11)] == pytest.approx([0, 1, 2, 2])
    first, middle = (monotonic_kl_weight(at + 1, 10, 2) - monotonic_kl_weight(at, 10, 2) for at in (0, 4.5))
    assert middle > 5 * first
    for done in (0.5, 2, 4):  # point-symmetric about its middle
        assert monotonic_kl_weight(done, 10, 2) + monotonic_kl_weight(10 - done, 10, 2) == pytest.approx(2)


@pytest.mark.parametrize(("share", "weight"), [(0, 0), (0.05, 1), (0.1, 2), (0.7, 2)])
def test_the_kl_weight_rises_in_a_line_to_beta(share, weight):
    assert linear_kl_weight(share, warmup=0.1, beta=2) == pytest.approx(weight)


def test_without_a_warm_up_the_kl_counts_from_the_start():
    assert linear_kl_weight(0, warmup=0, beta=0.5) == monotonic_kl_weight(0, warmup=0, beta=0.5) == 0.5
    assert cyclical(0, warmup=0) == 2.0
