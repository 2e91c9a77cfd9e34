"""Importance samples against a model whose likelihood is known: factor analysis, x = W z + b + noise."""

import math

import numpy as np
import pytest
import scipy.stats
import torch

from tests.vae_core.linear_vae import draw_images
from vae_core.errors import DataError, DivergenceError
from vae_core.evaluation.likelihood.binarize import binarize
from vae_core.evaluation.likelihood.importance_nll import (
    ImportanceSums,
    importance_nll,
    log_standard_normal,
    sum_importance,
    summarise_nll,
)
from vae_core.evaluation.likelihood.model_nll import bernoulli_nll_of
from vae_core.families.conv_vae.protocol import Posterior
from vae_core.images.preprocessing import to_unit
from vae_core.losses import bernoulli_nll, kl_divergence

LATENTS, PIXELS = 3, 8


class FactorAnalysis:
    """p(z) = N(0, I), p(x|z) = N(W z + b, diag(noise)): p(x) and p(z|x) are normal, known in closed form."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.loadings = rng.normal(size=(PIXELS, LATENTS))
        self.bias, self.noise = rng.normal(size=PIXELS), rng.uniform(0.3, 1.5, PIXELS)

    def draw(self, n: int, seed: int) -> torch.Tensor:
        rng = np.random.default_rng(seed)
        z, noise = rng.normal(size=(n, LATENTS)), rng.normal(size=(n, PIXELS)) * np.sqrt(self.noise)
        return torch.from_numpy(z @ self.loadings.T + self.bias + noise).view(n, 1, 2, PIXELS // 2)

    def log_marginal(self, x: torch.Tensor) -> np.ndarray:
        covariance = self.loadings @ self.loadings.T + np.diag(self.noise)
        values: np.ndarray = scipy.stats.multivariate_normal(self.bias, covariance).logpdf(x.flatten(1).numpy())
        return values

    def log_px(self, z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        mean = z @ torch.from_numpy(self.loadings).T + torch.from_numpy(self.bias)
        sd = torch.from_numpy(np.sqrt(self.noise))
        return torch.distributions.Normal(mean, sd).log_prob(x.flatten(1)).sum(1)

    def posterior(self, x: torch.Tensor, shift: float = 0.0, widen: float = 1.0) -> Posterior:
        """The diagonal of the true posterior, moved and widened: a proposal that is wrong by so much."""
        precision = np.eye(LATENTS) + self.loadings.T @ (self.loadings / self.noise[:, None])
        covariance = np.linalg.inv(precision)
        mean = ((x.flatten(1).numpy() - self.bias) / self.noise) @ self.loadings @ covariance
        logvar = np.log(np.diag(covariance) * widen)
        return Posterior(torch.from_numpy(mean + shift), torch.from_numpy(np.tile(logvar, (len(x), 1))))


MODEL = FactorAnalysis()


class CoinVae:
    """Every pixel's logit is z times its own factor; the proposal leans on the mean pixel and is as wide as p(z)."""

    latent_dim = 1

    def encode(self, x: torch.Tensor) -> Posterior:
        mu = 2 * (x.flatten(1).mean(1, keepdim=True) - 0.5)
        return Posterior(mu, torch.zeros_like(mu))

    def decode_logits(self, z: torch.Tensor) -> torch.Tensor:
        return (z * torch.linspace(-1, 1.5, 16)).view(-1, 1, 4, 4)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.decode_logits(z))


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("shift", "widen"), [(0.0, 1.3), (0.3, 1.0), (0.2, 2.0)])
def test_a_thousand_samples_find_the_exact_likelihood_within_three_standard_errors(shift: float, widen: float) -> None:
    x = MODEL.draw(100, seed=1)
    sums = sum_importance(x, MODEL.posterior(x, shift, widen), MODEL.log_px, k=1000, generator=_generator())
    result = summarise_nll(sums)
    exact = MODEL.log_marginal(x)
    # Jensen's bias is half the variance of each log mean, some 0.005 here: inside the third standard error
    assert abs(result.nll.mean + exact.mean()) < 3 * result.draws_standard_error
    assert result.draws_standard_error < 0.02
    each = np.sqrt((1 / sums.ess - 1 / 1000).numpy())
    beyond = np.abs(sums.log_px.numpy() - exact) > 3 * each
    assert beyond.mean() <= 0.03  # 0.3 % of normal errors; a few more of skewed ones


def test_the_draws_standard_error_is_the_spread_over_fresh_draws() -> None:
    x = MODEL.draw(20, seed=2)
    posterior = MODEL.posterior(x, shift=0.2, widen=1.5)
    results = [importance_nll(x, posterior, MODEL.log_px, k=100, generator=_generator(seed)) for seed in range(150)]
    spread = np.std([result.nll.mean for result in results], ddof=1)
    # the spread of 150 values is known to 1/sqrt(300) = 6 %; three of those
    assert np.mean([result.draws_standard_error for result in results]) == pytest.approx(spread, rel=0.18)


def test_more_samples_lower_the_expected_bound_down_to_the_exact_one() -> None:
    x = MODEL.draw(2000, seed=3)
    posterior = MODEL.posterior(x, shift=0.3, widen=1.5)
    bounds = [importance_nll(x, posterior, MODEL.log_px, k=k, generator=_generator()) for k in (1, 2, 5, 20, 100)]
    exact = -MODEL.log_marginal(x).mean()
    for fewer, more in zip(bounds[:-1], bounds[1:], strict=True):
        error = math.hypot(fewer.draws_standard_error, more.draws_standard_error)
        assert more.nll.mean < fewer.nll.mean + 3 * error
    assert bounds[0].nll.mean > exact + 0.3
    assert bounds[-1].nll.mean == pytest.approx(exact, abs=0.02)


def test_one_sample_is_the_negative_elbo() -> None:
    x = MODEL.draw(4000, seed=4)
    posterior = MODEL.posterior(x, shift=0.3, widen=1.5)
    one = sum_importance(x, posterior, MODEL.log_px, k=1, generator=_generator())
    noise = torch.randn((128, 1, LATENTS), generator=_generator(), dtype=torch.float64)
    z = posterior.mu[:128] + torch.exp(0.5 * posterior.logvar[:128]) * noise[:, 0]
    q = torch.distributions.Normal(posterior.mu[:128], torch.exp(0.5 * posterior.logvar[:128]))
    by_hand = MODEL.log_px(z, x[:128]) + torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1) - q.log_prob(z).sum(1)
    np.testing.assert_allclose(one.log_px[:128], by_hand, rtol=1e-10)
    # in expectation: E_q log p(x|z) in closed form, less the analytic KL
    exact = _expected_elbo(x, posterior)
    gap = one.log_px - exact
    assert abs(float(gap.mean())) < 3 * float(gap.std()) / math.sqrt(len(x))
    assert bool((one.ess == 1).all())


def _expected_elbo(x: torch.Tensor, posterior: Posterior) -> torch.Tensor:
    """E over q of a Gaussian log-likelihood is that at the mean less half the trace; then the KL."""
    pull = torch.from_numpy((MODEL.loadings**2 / MODEL.noise[:, None]).sum(0))
    likelihood = MODEL.log_px(posterior.mu, x) - 0.5 * (torch.exp(posterior.logvar) * pull).sum(1)
    return likelihood - kl_divergence(*posterior).sum(1)


def test_with_the_true_posterior_each_single_draw_is_exact() -> None:
    model = FactorAnalysis()
    model.loadings = np.linalg.qr(model.loadings)[0]  # orthogonal loadings and equal noise: a diagonal posterior
    model.noise = np.full(PIXELS, 0.5)
    x = model.draw(30, seed=5)
    sums = sum_importance(x, model.posterior(x), model.log_px, k=7, generator=_generator())
    np.testing.assert_allclose(sums.log_px, model.log_marginal(x), rtol=1e-10)
    np.testing.assert_allclose(sums.ess, 7, rtol=1e-10)


@pytest.mark.parametrize("rows_at_once", [1, 7, 64, 10_000])
def test_the_streamed_sums_are_those_of_all_weights_at_once(rows_at_once: int) -> None:
    x = MODEL.draw(1, seed=6)
    posterior = MODEL.posterior(x, widen=2.0)
    log_weights: list[torch.Tensor] = []

    def log_px(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        likelihood, normal = MODEL.log_px(z, y), torch.distributions.Normal
        q = normal(posterior.mu, torch.exp(0.5 * posterior.logvar))
        log_weights.append(likelihood + normal(0.0, 1.0).log_prob(z).sum(1) - q.log_prob(z).sum(1))
        return likelihood

    sums = sum_importance(x, posterior, log_px, k=300, generator=_generator(), rows_at_once=rows_at_once)
    whole = torch.cat(log_weights)
    weights = torch.exp(whole - whole.max())
    assert float(sums.log_px) == pytest.approx(float(torch.logsumexp(whole, 0)) - math.log(300), rel=1e-12)
    assert float(sums.ess) == pytest.approx(float(weights.sum() ** 2 / weights.square().sum()), rel=1e-10)


@pytest.mark.parametrize("offset", [-3000.0, 3000.0])
def test_likelihoods_far_outside_the_range_of_exp_are_summed(offset: float) -> None:
    x = MODEL.draw(5, seed=7)
    posterior = MODEL.posterior(x, widen=1.5)
    plain = sum_importance(x, posterior, MODEL.log_px, k=50, generator=_generator())
    moved = sum_importance(x, posterior, lambda z, y: MODEL.log_px(z, y) + offset, k=50, generator=_generator())
    np.testing.assert_allclose(moved.log_px, plain.log_px + offset, rtol=1e-10)
    np.testing.assert_allclose(moved.ess, plain.ess, rtol=1e-6)


def test_memory_does_not_grow_with_the_samples() -> None:
    x = MODEL.draw(3, seed=8)
    rows: list[int] = []

    def log_px(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        assert len(z) == len(y)
        rows.append(len(z))
        return MODEL.log_px(z, y)

    sum_importance(x, MODEL.posterior(x), log_px, k=5000, generator=_generator(), rows_at_once=600)
    assert max(rows) <= 600 and sum(rows) == 3 * 5000


def test_a_bad_proposal_shows_in_the_effective_sample_size() -> None:
    x = MODEL.draw(200, seed=9)
    good = importance_nll(x, MODEL.posterior(x, widen=1.2), MODEL.log_px, k=200, generator=_generator())
    bad = importance_nll(x, MODEL.posterior(x, shift=2.0), MODEL.log_px, k=200, generator=_generator())
    assert good.ess_mean > 100 > 10 > bad.ess_mean
    assert bad.ess_share_min < 0.02 < good.ess_share_min
    assert (good.ess_below_10, bad.ess_below_10 > 0.5) == (0, True)


def test_another_prior_is_another_model() -> None:
    x = MODEL.draw(50, seed=10)
    posterior = MODEL.posterior(x, widen=1.3)

    def moved(z: torch.Tensor) -> torch.Tensor:
        return log_standard_normal(z - 0.5)

    found = importance_nll(x, posterior, MODEL.log_px, k=2000, generator=_generator(), log_prior=moved)
    shifted = FactorAnalysis()
    shifted.bias = MODEL.bias + MODEL.loadings.sum(1) * 0.5
    assert found.nll.mean == pytest.approx(-shifted.log_marginal(x).mean(), abs=4 * found.draws_standard_error)


def test_a_bernoulli_model_of_which_each_code_can_be_counted_has_its_exact_likelihood() -> None:
    # log p(x) by quadrature over the single latent
    model = CoinVae()
    pixels = binarize(draw_images(20), np.random.default_rng(0))
    result = bernoulli_nll_of(model, pixels, k=4000, generator=_generator())
    z = torch.linspace(-8, 8, 4001)[:, None]  # the trapezoid rule: smooth, and 0 at both ends
    density = torch.exp(log_standard_normal(z)) * (16 / 4000)
    logits = model.decode_logits(z)
    exact = [
        -math.log(float((density * torch.exp(-bernoulli_nll(logits, x.expand_as(logits)).double())).sum()))
        for x in to_unit(pixels)[:, None]
    ]
    assert result.nll.mean == pytest.approx(np.mean(exact), abs=4 * result.draws_standard_error + 1e-5)
    assert (result.k, result.n, result.nll.n) == (4000, 20, 20)


def test_the_encoder_may_be_shown_the_grey_images_and_the_bound_holds() -> None:
    grey = draw_images(20)
    pixels = binarize(grey, np.random.default_rng(0))
    model = CoinVae()
    own = bernoulli_nll_of(model, pixels, k=4000, generator=_generator())
    other = bernoulli_nll_of(model, pixels, k=4000, generator=_generator(1), seen=grey)
    error = math.hypot(own.draws_standard_error, other.draws_standard_error)
    assert other.nll.mean == pytest.approx(own.nll.mean, abs=4 * error)


def test_grey_images_have_no_likelihood() -> None:
    with pytest.raises(DataError, match="images of 0 and 255 alone, came grey ones"):
        bernoulli_nll_of(CoinVae(), draw_images(4), k=10, generator=_generator())
    with pytest.raises(DataError, match="uint8 pixels on 0..255, came float64"):
        binarize(np.zeros((1, 1, 4, 4)), np.random.default_rng(0))


def test_unfit_tasks_are_refused_and_broken_likelihoods_named() -> None:
    x = MODEL.draw(3, seed=11)
    posterior = MODEL.posterior(x)
    with pytest.raises(DataError, match="at least 1 sample an image, came 0"):
        sum_importance(x, posterior, MODEL.log_px, k=0, generator=_generator())
    with pytest.raises(DataError, match="came 2 images and 3 posteriors"):
        sum_importance(x[:2], posterior, MODEL.log_px, k=1, generator=_generator())
    for broken in (math.nan, math.inf, -math.inf):
        with pytest.raises(DivergenceError, match="1 of 3 images have a likelihood of NaN, 0 or infinity"):
            sum_importance(
                x,
                posterior,
                lambda z, y, value=broken: torch.where(  # type: ignore[misc]
                    (y == x[1]).flatten(1).all(1), torch.tensor(value, dtype=torch.float64), MODEL.log_px(z, y)
                ),
                k=5,
                generator=_generator(),
            )


def test_a_single_impossible_draw_is_a_weight_of_zero_and_no_obstacle() -> None:
    x = MODEL.draw(2, seed=12)
    calls = iter(range(10))

    def log_px(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.full((len(z),), -math.inf, dtype=torch.float64) if next(calls) == 0 else MODEL.log_px(z, y)

    sums = sum_importance(x, MODEL.posterior(x), log_px, k=5, generator=_generator(), rows_at_once=2)
    assert bool(torch.isfinite(sums.log_px).all()) and float(sums.ess.max()) <= 4


def test_the_summary_names_the_worst_image() -> None:
    sums = ImportanceSums(torch.tensor([-3.0, -5.0]).double(), torch.tensor([10.0, 2.0]).double(), k=10)
    result = summarise_nll(sums)
    assert (result.nll.mean, result.ess_mean, result.ess_share_min, result.ess_below_10) == (4, 6, 0.2, 0.5)
    assert result.draws_standard_error == pytest.approx(math.sqrt(0.5 - 0.1) / 2)
