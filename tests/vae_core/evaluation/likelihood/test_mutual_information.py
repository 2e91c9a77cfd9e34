"""Mutual information against Gaussian channels, where it is known."""

import math

import numpy as np
import pytest
import torch

from vae_core.errors import DataError, DivergenceError
from vae_core.evaluation.likelihood.mutual_information import measure_mutual_information
from vae_core.families.conv_vae.protocol import Posterior


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _channel(n: int, noise: list[float], seed: int = 0) -> tuple[Posterior, float]:
    """Draw mu ~ N(0, 1 - v), z = mu + N(0, v): q(z) is exactly N(0, I), and I = -1/2 Σ log v by dimension."""
    v = torch.tensor(noise, dtype=torch.float64)
    mu = torch.randn((n, len(v)), generator=_generator(100 + seed), dtype=torch.float64) * (1 - v).sqrt()
    return Posterior(mu, torch.log(v).expand(n, -1)), -0.5 * float(torch.log(v).sum())


@pytest.mark.parametrize("noise", [[0.5], [0.2, 0.9, 1.0], [0.05, 0.7]])
def test_both_bounds_meet_the_closed_form_of_a_gaussian_channel(noise: list[float]) -> None:
    posterior, exact = _channel(4000, noise)
    found = measure_mutual_information(posterior, _generator())
    # q(z) is the prior, so the upper bound is exact; at 4,000 images so is the lower one: but for 3 standard errors
    assert found.upper.mean == pytest.approx(exact, abs=3 * found.upper.half_width / 1.96)
    assert found.lower.mean == pytest.approx(exact, abs=3 * found.lower.half_width / 1.96)
    assert found.n == 4000


def test_the_lower_bound_stays_below_in_expectation_at_any_n() -> None:
    _, exact = _channel(2, [0.1, 0.1, 0.1])
    for n in (20, 100, 500):
        draws = [
            measure_mutual_information(_channel(n, [0.1, 0.1, 0.1], seed)[0], _generator(seed)).lower.mean
            for seed in range(60)
        ]
        assert np.mean(draws) < exact + 3 * np.std(draws) / math.sqrt(60)


def test_the_interval_of_the_lower_bound_covers_its_expectation() -> None:
    found = [
        measure_mutual_information(_channel(300, [0.3, 0.6], seed)[0], _generator(seed)).lower for seed in range(300)
    ]
    middle = np.mean([estimate.mean for estimate in found])
    held = np.mean([estimate.low <= middle <= estimate.high for estimate in found])
    # 95 % of 300 is known to 1.3 %: four of those below; images share their denominators, which only makes it wider
    assert held >= 0.90


def test_codes_that_never_overlap_give_log_n() -> None:
    posterior = Posterior(torch.arange(50.0)[:, None] * 100, torch.zeros(50, 1))
    found = measure_mutual_information(posterior, _generator())
    assert found.lower.mean == pytest.approx(math.log(50))


def test_pairs_of_equal_posteriors_cost_their_share_of_log_two() -> None:
    n, twins = 1000, 600
    places = torch.cat([torch.arange(twins) // 2, torch.arange(n, n + n - twins)]).float()[:, None] * 100
    found = measure_mutual_information(Posterior(places, torch.zeros(n, 1)), _generator())
    assert math.log(n) - found.lower.mean == pytest.approx(0.6 * math.log(2), abs=0.002)


def test_a_collapsed_encoder_tells_nothing() -> None:
    found = measure_mutual_information(Posterior(torch.zeros(100, 4), torch.zeros(100, 4)), _generator())
    assert (found.lower.mean, found.upper.mean) == (pytest.approx(0, abs=1e-12), 0)


def test_blocks_of_any_size_give_one_number_with_the_narrowest_posteriors() -> None:
    mu = torch.randn((130, 5), generator=_generator())
    logvar = -10 * torch.rand((130, 5), generator=_generator(1))
    whole = measure_mutual_information(Posterior(mu, logvar), _generator(2), block=130)
    assert measure_mutual_information(Posterior(mu, logvar), _generator(2), block=7).lower.mean == pytest.approx(
        whole.lower.mean, rel=1e-9
    )
    noise = torch.randn(mu.shape, generator=_generator(2), dtype=torch.float64)
    z = mu + torch.exp(0.5 * logvar.double()) * noise
    q = torch.distributions.Normal(mu.double(), torch.exp(0.5 * logvar.double()))
    by_hand = q.log_prob(z).sum(1) - torch.logsumexp(q.log_prob(z[:, None]).sum(2), 1) + math.log(130)
    assert whole.lower.mean == pytest.approx(float(by_hand.mean()), rel=1e-9)


def test_unfit_posteriors_are_refused() -> None:
    with pytest.raises(DataError, match=r"\(N ≥ 2, D\), came \(1, 3\)"):
        measure_mutual_information(Posterior(torch.zeros(1, 3), torch.zeros(1, 3)), _generator())
    broken = Posterior(torch.full((3, 2), torch.nan), torch.zeros(3, 2))
    with pytest.raises(DivergenceError, match="3 of 3 values are NaN"):
        measure_mutual_information(broken, _generator())
