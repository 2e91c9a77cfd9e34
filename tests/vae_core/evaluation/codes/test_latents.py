"""Latent statistics of posteriors whose answers are known."""

import numpy as np
import pytest

from vae_core.errors import DataError
from vae_core.evaluation.codes.latents import measure_latents


def test_kl_and_aggregated_posterior_have_their_closed_forms() -> None:
    rng = np.random.default_rng(0)
    mu = rng.normal(size=(500, 3)) * [1.0, 0.5, 0.0] + [0.0, 2.0, 0.0]
    logvar = np.log(np.broadcast_to([0.2, 0.5, 1.0], mu.shape))
    latents = measure_latents(mu, logvar)
    np.testing.assert_allclose(latents.kl, 0.5 * (np.square(mu) + np.exp(logvar) - 1 - logvar).mean(0), rtol=1e-12)
    np.testing.assert_allclose(latents.posterior_mean, mu.mean(0), atol=1e-12)
    np.testing.assert_allclose(latents.posterior_variance, [0.2, 0.5, 1.0] + mu.var(0), rtol=1e-12)


def test_an_inactive_dimension_has_no_kl_and_the_priors_moments() -> None:
    mu = np.stack([np.linspace(-1, 1, 100), np.zeros(100)], axis=1)
    latents = measure_latents(mu.astype(np.float32), np.zeros((100, 2), np.float32))
    assert latents.inactive_dims == (1,)
    assert latents.active_units == 1
    assert latents.kl[1] == 0
    assert (latents.posterior_mean[1], latents.posterior_variance[1]) == (0, 1)


@pytest.mark.parametrize(("variance", "active"), [(0.0099, 0), (0.0101, 1)])
def test_a_unit_is_active_above_a_variance_of_one_hundredth(variance: float, active: int) -> None:
    mu = np.sqrt(variance) * np.array([[-1.0], [1.0]])
    assert measure_latents(mu, np.zeros_like(mu)).active_units == active


def test_dimensions_are_ranked_by_what_they_carry() -> None:
    mu = np.random.default_rng(0).normal(size=(50, 4)) * [1, 3, 0, 2]
    latents = measure_latents(mu, np.zeros_like(mu))
    assert latents.dims_by_kl(3) == (1, 3, 0)


def test_half_precision_codes_of_a_reference_are_measured_in_float64() -> None:
    mu = np.random.default_rng(0).normal(size=(5000, 2)).astype(np.float16)
    assert measure_latents(mu, np.zeros_like(mu)).mu_variance[0] == pytest.approx(1.0, abs=0.1)


def test_one_image_has_no_variance_to_speak_of() -> None:
    with pytest.raises(DataError, match=r"N ≥ 2"):
        measure_latents(np.zeros((1, 2)), np.zeros((1, 2)))
