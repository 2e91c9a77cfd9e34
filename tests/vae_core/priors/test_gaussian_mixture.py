"""The sampling priors: what is fitted is found again, what is stored comes back."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from vae_core.errors import ArtifactError, DataError
from vae_core.priors.gaussian_mixture import GaussianMixturePrior, fit_mixture
from vae_core.priors.posterior import sample_posterior
from vae_core.priors.standard_normal import sample_standard_normal


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _known_mixture() -> GaussianMixturePrior:
    return GaussianMixturePrior(
        weights=torch.tensor([0.25, 0.75], dtype=torch.float64),
        means=torch.tensor([[-4.0, 0.0], [2.0, 1.0]], dtype=torch.float64),
        cholesky=torch.tensor([[[1.0, 0.0], [0.5, 0.5]], [[0.3, 0.0], [0.0, 2.0]]], dtype=torch.float64),
    )


def test_a_known_mixture_is_found_again() -> None:
    known = _known_mixture()
    fitted = fit_mixture(known.sample(5000, _generator()), components=2, seed=0)
    order = torch.argsort(fitted.weights)
    # 1,250 draws and more per component: means to 2/sqrt(1250) = 0.06, three of those
    assert torch.allclose(fitted.weights[order], known.weights, atol=0.03)
    assert torch.allclose(fitted.means[order], known.means, atol=0.2)
    covariances = fitted.cholesky[order] @ fitted.cholesky[order].mT
    assert torch.allclose(covariances, known.cholesky @ known.cholesky.mT, atol=0.4)


def test_samples_have_the_mixtures_moments() -> None:
    known = _known_mixture()
    codes = known.sample(40_000, _generator()).double()
    mean = known.weights @ known.means
    spread = known.means - mean
    covariance = torch.einsum("k,kij->ij", known.weights, known.cholesky @ known.cholesky.mT)
    covariance += torch.einsum("k,ki,kj->ij", known.weights, spread, spread)
    # a mean of 40,000 draws of deviation 3 is known to 0.015, a variance of 9 to 0.07: four of those
    assert torch.allclose(codes.mean(0), mean, atol=0.06)
    assert torch.allclose(torch.cov(codes.T), covariance, atol=0.3)


def test_the_fit_is_scikit_learns_density() -> None:
    codes = np.random.default_rng(0).normal(size=(400, 3)) ** 3
    prior = fit_mixture(codes, components=3, seed=1)
    oracle = GaussianMixture(3, reg_covar=1e-4, max_iter=100, random_state=1).fit(codes)
    np.testing.assert_allclose(prior.means, oracle.means_)
    np.testing.assert_allclose(prior.cholesky @ prior.cholesky.mT, oracle.covariances_, atol=1e-12)


def test_the_same_generator_gives_the_same_samples() -> None:
    known = _known_mixture()
    first, again, other = (known.sample(20, _generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.dtype == torch.float32


def test_a_dimension_without_spread_does_not_break_the_fit() -> None:
    codes = np.random.default_rng(0).normal(size=(200, 3))
    codes[:, 1] = 0.0
    assert bool(torch.isfinite(fit_mixture(codes, components=4).sample(10, _generator())).all())


def test_a_stored_prior_comes_back_and_samples_alike() -> None:
    known = _known_mixture()
    restored = GaussianMixturePrior.from_tensors(known.to_tensors())
    assert torch.equal(restored.sample(10, _generator()), known.sample(10, _generator()))
    assert (restored.components, restored.latent_dim) == (2, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": torch.tensor([0.5, 0.6])}, "sum to 1, their sum is 1.1"),
        ({"weights": torch.tensor([1.5, -0.5])}, "non-negative"),
        ({"weights": torch.tensor([1.0])}, r"\(K,\) and \(K, D\)"),
        ({"means": torch.full((2, 2), torch.nan)}, "not finite"),
        ({"cholesky": torch.eye(2).repeat(2, 1, 1) * -1}, "positive diagonal"),
        ({"cholesky": torch.ones(2, 2, 2)}, "lower triangular"),
        ({"cholesky": torch.eye(3).repeat(2, 1, 1)}, r"must be \(K, D, D\)"),
        ({"extra": torch.zeros(1)}, "expected the tensors"),
    ],
)
def test_tensors_that_are_no_mixture_are_refused(change: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        GaussianMixturePrior.from_tensors(_known_mixture().to_tensors() | change)


@pytest.mark.parametrize("codes", [np.zeros((5, 2)), np.full((100, 2), np.nan), np.zeros(100)])
def test_too_few_or_broken_codes_are_refused(codes: np.ndarray) -> None:
    with pytest.raises(DataError, match="10 components need at least 20 finite codes"):
        fit_mixture(codes)


def test_posterior_draws_have_the_posteriors_moments() -> None:
    mu = np.full((20_000, 2), [1.0, -2.0], dtype=np.float16)
    logvar = np.full((20_000, 2), np.log([0.25, 4.0]), dtype=np.float16)
    z = sample_posterior(mu, logvar, _generator())
    assert torch.allclose(z.mean(0), torch.tensor([1.0, -2.0]), atol=0.06)
    assert torch.allclose(z.var(0), torch.tensor([0.25, 4.0]), rtol=0.05)
    assert z.dtype == torch.float32


def test_the_standard_normal_is_one() -> None:
    z = sample_standard_normal(20_000, 3, _generator())
    assert z.shape == (20_000, 3)
    assert torch.allclose(z.mean(0), torch.zeros(3), atol=0.03)
    assert torch.allclose(torch.cov(z.T), torch.eye(3), atol=0.05)
