"""Likelihoods against scipy and torch, and their scales."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch.distributions import Bernoulli

from tests.vae_core.synthetic_images import TINY, boxes
from vae_core.families.build import build_model
from vae_core.images.preprocessing import to_unit
from vae_core.likelihoods import (
    FLOOR,
    RUNNING_DECAY,
    GaussianLikelihood,
    LogisticLikelihood,
    bernoulli_nll,
    gaussian_nll,
    logistic_nll,
)
from vae_core.weights import copy_weights, encoder_digest

KINDS = ("bernoulli", "gaussian", "logistic")
LEVELS = torch.arange(256, dtype=torch.float32) / 255


def draw(seed: int = 0, channels: int = 2, scale: float = 2.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and images of 256 levels with both ends among them."""
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(3, channels, 4, 4, generator=generator)
    levels = torch.randint(0, 256, (3, channels, 4, 4), generator=generator)
    levels[:, :, 0, 0], levels[:, :, 0, 1] = 0, 255
    return logits, levels / 255


def sigmoid(logits: torch.Tensor) -> np.ndarray:
    return 1 / (1 + np.exp(-logits.numpy().astype(np.float64)))


def config_of(kind: str, channels: int = 1):
    return TINY.model_copy(update={"likelihood": kind, "channels": channels})


@given(st.integers(0, 2**31))
def test_nll_of_binary_images_equals_torch_distributions(seed):
    generator = torch.Generator().manual_seed(seed)
    logits = 30 * torch.randn(3, 2, 4, 4, generator=generator, dtype=torch.float64)
    x = (torch.rand(3, 2, 4, 4, generator=generator) > 0.5).double()
    expected = -Bernoulli(logits=logits).log_prob(x).sum((1, 2, 3))
    np.testing.assert_allclose(bernoulli_nll(logits.float(), x.float()), expected, rtol=1e-5)


def test_nll_of_a_grey_image_is_the_expectation_over_its_binarizations():
    generator = torch.Generator().manual_seed(0)
    logits, x = torch.randn(2, 1, 3, 3, generator=generator), torch.rand(2, 1, 3, 3, generator=generator)
    p = 1 / (1 + np.exp(-logits.numpy().astype(np.float64)))
    grey = x.numpy().astype(np.float64)
    expected = (grey * -np.log(p) + (1 - grey) * -np.log1p(-p)).sum((1, 2, 3))
    np.testing.assert_allclose(bernoulli_nll(logits, x), expected, rtol=1e-5)


@given(st.integers(0, 1000), st.floats(1e-4, 10))
def test_a_gaussian_s_nll_equals_scipy_s_density(seed, variance):
    logits, x = draw(seed)
    expected = -stats.norm.logpdf(x.numpy().astype(np.float64), sigmoid(logits), variance**0.5).sum((1, 2, 3))
    found = gaussian_nll(logits, x, torch.tensor(variance))
    # of two terms of opposite sign, 32 pixels each: float32 rounds each by 2^-24 a pixel
    scale = 16 * abs(math.log(2 * math.pi * variance)) + 0.5 * ((x.numpy() - sigmoid(logits)) ** 2).sum() / variance
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * (scale + 1))


def test_the_fitted_variance_is_the_mean_squared_error_and_the_most_likely_one():
    likelihood, (logits, x) = GaussianLikelihood(), draw()
    fitted = likelihood.fit_scale(logits, x)
    assert float(fitted) == pytest.approx(((x.numpy() - sigmoid(logits)) ** 2).mean(), rel=1e-5)
    best = float(likelihood.nll(logits, x, fitted).mean())
    assert all(float(likelihood.nll(logits, x, fitted * factor).mean()) > best for factor in (0.9, 0.99, 1.01, 1.1))


def test_the_gradient_is_that_of_the_paper_through_the_optimal_variance():
    likelihood, (logits, x) = GaussianLikelihood(), draw()
    ours, paper = logits.clone().requires_grad_(), logits.double().requires_grad_()
    likelihood.nll(ours, x, likelihood.fit_scale(ours, x)).mean().backward()
    # Rybkin et al. 2021, equation 6: with the optimal variance inside, -log p is D / 2 · log MSE and a constant
    (0.5 * x[0].numel() * torch.log((torch.sigmoid(paper) - x.double()).square().mean())).backward()
    np.testing.assert_allclose(ours.grad, paper.grad, rtol=1e-4, atol=1e-6)


def test_a_perfect_reconstruction_has_a_finite_likelihood():
    likelihood, x = GaussianLikelihood(), torch.full((2, 1, 4, 4), 0.5)
    fitted = likelihood.fit_scale(torch.zeros_like(x), x)
    assert float(fitted) == pytest.approx(FLOOR)
    assert torch.isfinite(likelihood.nll(torch.zeros_like(x), x, fitted)).all()


def test_the_kept_variance_is_a_plain_mean_at_first_and_a_running_one_later():
    likelihood, rng = GaussianLikelihood(), np.random.default_rng(0)
    values, expected = rng.uniform(0.01, 1, 300), 0.0
    for count, value in enumerate(values, 1):
        likelihood.keep_scale(torch.tensor(value, dtype=torch.float32))
        expected += max(1 / count, 1 - RUNNING_DECAY) * (value - expected)
        if count <= 20:
            assert expected == pytest.approx(values[:count].mean())
        # 300 float32 roundings of numbers below 1
        assert float(likelihood.variance) == pytest.approx(expected, abs=300 * 2**-24)
    logits, x = draw()
    torch.testing.assert_close(likelihood.nll(logits, x), gaussian_nll(logits, x, likelihood.variance))


@given(st.floats(-8, 8), st.floats(-7, 1))
def test_a_logistic_s_256_levels_add_up_to_one(logit, log_scale):
    x = LEVELS.view(256, 1, 1, 1)
    nll = logistic_nll(torch.full_like(x, logit), x, torch.full((1, 1, 1), log_scale))
    assert nll.shape == (256,) and float(torch.exp(-nll.double()).sum()) == pytest.approx(1, abs=1e-4)


@given(st.integers(0, 1000), st.floats(-4, 0), st.floats(-4, 0))
def test_a_logistic_s_nll_equals_scipy_s_mass_of_each_bin_in_each_channel(seed, one, other):
    logits, x = draw(seed)
    log_scale = torch.tensor([one, other]).view(2, 1, 1)
    level = np.rint(255 * x.numpy().astype(np.float64))
    lower, upper = (level - 0.5) / 255, (level + 0.5) / 255
    lower[level == 0], upper[level == 255] = -np.inf, np.inf
    bins = stats.logistic(sigmoid(logits), np.exp(log_scale.numpy().astype(np.float64)))
    above = lower > sigmoid(logits)  # the smaller of the two tails keeps the digits
    mass = np.where(above, bins.sf(lower) - bins.sf(upper), bins.cdf(upper) - bins.cdf(lower))
    # the bin's distance from the mean is rounded by 2^-24 and divided by a scale of at least e^-4
    np.testing.assert_allclose(logistic_nll(logits, x, log_scale), -np.log(mass).sum((1, 2, 3)), rtol=1e-4)


def test_a_level_far_in_the_tail_has_finite_nll_and_gradient():
    logits, x = torch.full((1, 1, 1, 2), 9.0, requires_grad=True), torch.tensor([0.0, 1 / 255]).view(1, 1, 1, 2)
    log_scale = torch.full((1, 1, 1), -7.0, requires_grad=True)
    nll = logistic_nll(logits, x, log_scale).sum()
    nll.backward()
    assert torch.isfinite(nll) and torch.isfinite(logits.grad).all() and torch.isfinite(log_scale.grad).all()


def test_the_scale_learns_the_sd_of_the_data():
    generator, likelihood = torch.Generator().manual_seed(0), LogisticLikelihood(channels=1)
    noise = torch.randn(4000, 1, 1, 1, generator=generator) * 0.05
    x = ((0.5 + noise) * 255).round() / 255
    optimiser = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    for _ in range(150):
        optimiser.zero_grad()
        likelihood.nll(torch.zeros_like(x), x).mean().backward()
        optimiser.step()
    expected = stats.logistic.fit(x.numpy().ravel(), floc=0.5)[1]
    # scipy fits the density, not the masses of bins of 1/255; the fit of 4,000 values has an se of 1.3 %
    assert math.exp(likelihood.log_scale.item()) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_model_of_each_kind_has_a_finite_bound_and_a_mean_on_the_unit_scale(kind, channels):
    model = build_model(config_of(kind, channels))
    x = to_unit(boxes(6, channels=channels))
    with torch.no_grad():
        bound = model.neg_elbo(x, torch.Generator().manual_seed(0))
        mean = model.decode(model.encode(x).mu)
    assert bound.shape == (6,) and torch.isfinite(bound).all() and bound.dtype == torch.float32
    assert mean.shape == x.shape and mean.min() >= 0 and mean.max() <= 1


def test_a_bernoulli_model_has_the_weights_it_always_had_and_a_scale_is_the_decoder_s():
    names = {kind: set(copy_weights(build_model(config_of(kind)))) for kind in KINDS}
    assert not any("likelihood" in name for name in names["bernoulli"])
    assert names["gaussian"] - names["bernoulli"] == {"likelihood.variance", "likelihood.batches"}
    assert names["logistic"] - names["bernoulli"] == {"likelihood.log_scale"}
    assert encoder_digest(build_model(config_of("gaussian"))) == encoder_digest(build_model(TINY))


def test_a_logistic_scale_below_its_bound_still_feels_that_it_must_widen() -> None:
    likelihood = LogisticLikelihood(1)
    likelihood.reset()
    torch.nn.init.constant_(likelihood.log_scale, -8.0)
    x = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    likelihood.nll(torch.zeros_like(x), x).mean().backward()
    assert likelihood.log_scale.grad < -1, "descent widens it"
