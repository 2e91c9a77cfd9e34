"""The parts of a loss, against closed forms and over two processes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal
from torch.distributions import kl_divergence as kl_oracle

from tests.vae_core.two_ranks import run_on_two
from vae_core.losses import free_bits, kl_divergence
from vae_core.ranks import Ranks

MU = st.floats(-20, 20, width=32)
LOGVAR = st.floats(-10, 10, width=32)


@given(st.lists(st.tuples(MU, LOGVAR), min_size=1, max_size=6))
def test_kl_equals_torch_distributions_in_float64(rows):
    mu, logvar = torch.tensor(rows, dtype=torch.float64).T
    expected = kl_oracle(Normal(mu, torch.exp(0.5 * logvar)), Normal(0.0, 1.0))
    found = kl_divergence(mu.float()[None], logvar.float()[None])[0]
    # three float32 terms of at most this size, each rounded by 2^-24, and expm1 and the sums by a few more
    scale = 0.5 * (mu**2 + torch.exp(logvar) + logvar.abs() + 1)
    assert bool(((found.double() - expected).abs() <= 2**-21 * scale).all())


@given(MU, LOGVAR)
def test_kl_is_not_negative_and_grows_away_from_the_prior_mean(mu, logvar):
    here, further = kl_divergence(torch.tensor([[mu, 1.01 * mu]]), torch.tensor([[logvar, logvar]]))[0].tolist()
    assert here >= -1e-6 and further >= here


def test_kl_of_the_prior_is_exactly_zero():
    assert kl_divergence(torch.zeros(2, 3), torch.zeros(2, 3)).abs().max() == 0


def test_kl_keeps_its_digits_in_an_almost_inactive_dimension():
    logvar = torch.tensor([[1e-3]])
    series = 0.25 * 1e-3**2 * (1 + 1e-3 / 3)  # (e^v - 1 - v) / 2 = v²/4 + v³/12 + ...
    np.testing.assert_allclose(kl_divergence(torch.zeros(1, 1), logvar).item(), series, rtol=1e-3)


@given(st.integers(0, 2**31), st.floats(0, 3))
def test_free_bits_never_count_less_than_the_kl_or_the_floors(seed, floor):
    kl_dims = torch.rand(8, 5, generator=torch.Generator().manual_seed(seed)) * 2
    total = float(free_bits(kl_dims, floor))
    assert total >= float(kl_dims.sum(1).mean()) - 1e-4 and total >= 5 * floor - 1e-4


def test_without_a_floor_free_bits_are_the_kl():
    kl_dims = torch.tensor([[0.0, 2.0], [0.5, 1.0]])
    assert float(free_bits(kl_dims, 0.0)) == float(kl_dims.sum(1).mean())


def test_free_bits_hold_for_the_batch_mean_and_stop_the_gradient_below_it():
    kl_dims = torch.tensor([[0.0, 2.0], [0.6, 2.0]], requires_grad=True)  # means 0.3 and 2
    free_bits(kl_dims, 0.5).backward()
    assert kl_dims.grad.tolist() == [[0.0, 0.5], [0.0, 0.5]]


def test_a_floor_of_free_bits_holds_for_the_whole_batch():
    kl_dims = torch.rand(8, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    free_bits(kl_dims, 0.5).backward()
    whole = kl_dims.grad.clone()

    def part(ranks: Ranks) -> tuple[float, torch.Tensor]:
        rows = ranks.own(kl_dims.detach()).clone().requires_grad_()
        value = free_bits(rows, 0.5, ranks)
        value.backward()
        return float(value.detach()), rows.grad / ranks.size

    (one, upper), (other, lower) = run_on_two(part)
    assert one == other == pytest.approx(float(free_bits(kl_dims.detach(), 0.5)))
    torch.testing.assert_close(torch.cat([upper, lower]), whole)
