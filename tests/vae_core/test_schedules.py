import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_core.schedules import kl_weight, learning_rate

SHARE = st.floats(0, 1)


@given(SHARE, SHARE)
def test_the_learning_rate_falls_between_its_ends(one, other):
    earlier, later = sorted((one, other))
    assert 1e-3 >= learning_rate(earlier, 1e-3, 3e-4) >= learning_rate(later, 1e-3, 3e-4) >= 3e-4 - 1e-12


def test_the_learning_rate_reaches_both_ends():
    assert learning_rate(0, 1e-3, 3e-4) == 1e-3
    assert learning_rate(1, 1e-3, 3e-4) == pytest.approx(3e-4)


@given(SHARE, SHARE, st.floats(0, 1), st.floats(0, 10))
def test_the_kl_weight_never_falls_and_never_exceeds_beta(one, other, warmup, beta):
    earlier, later = sorted((one, other))
    assert 0 <= kl_weight(earlier, warmup, beta) <= kl_weight(later, warmup, beta) * (1 + 1e-12) <= beta * (1 + 1e-12)


@pytest.mark.parametrize(("share", "weight"), [(0, 0), (0.05, 1), (0.1, 2), (0.7, 2)])
def test_the_kl_weight_rises_in_a_line_to_beta(share, weight):
    assert kl_weight(share, warmup_share=0.1, beta=2) == pytest.approx(weight)


def test_without_a_warm_up_the_kl_counts_from_the_start():
    assert kl_weight(0, warmup_share=0, beta=0.5) == 0.5
