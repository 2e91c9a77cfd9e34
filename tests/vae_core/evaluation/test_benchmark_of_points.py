"""An evaluation of a deterministic autoencoder: errors, the spread of its codes, samples of a fitted density."""

import numpy as np
import pytest
import torch

from tests.vae_core.linear_vae import PixelFeatures, draw_images
from vae_core.evaluation.benchmark import evaluate
from vae_core.evaluation.benchmark_result import BenchmarkResult
from vae_core.families.build import build_model
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.conv_ae.model import ConvAe
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.inference import score_images
from vae_core.priors.gaussian_mixture import fit_mixture

N, DIM = 300, 3


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return draw_images(N)


@pytest.fixture(scope="module")
def model() -> ConvAe:
    built = build_model(ConvAeConfig(network=ConvVaeConfig(height=4, width=4, widths=(4,), latent_dim=DIM)), seed=0)
    assert isinstance(built, ConvAe)
    return built.eval()


def test_it_has_errors_and_active_units_and_neither_elbo_nor_codes(model: ConvAe, pixels: np.ndarray) -> None:
    scores = score_images(model, pixels)
    mixture = fit_mixture(torch.from_numpy(scores.mu), components=2)
    result = evaluate(model, pixels, extractor=PixelFeatures(), prior=mixture, n_samples=200, seed=3)
    assert result.recon_error == pytest.approx(scores.recon_error.mean(dtype=np.float64))
    variance = scores.mu.astype(np.float64).var(axis=0)
    assert result.mu_variance_per_dim == pytest.approx(variance)
    assert result.active_units == int((variance > 0.01).sum())
    absent = (result.neg_elbo, result.kl, result.nll, result.likelihood, result.codes, result.traversals)
    assert absent == (None,) * len(absent)
    assert result.fd_samples_standard is None and result.fd_samples == result.fd_samples_mixture is not None
    assert BenchmarkResult.model_validate_json(result.model_dump_json()) == result
    assert result.metrics()["active_units"] == result.active_units and "neg_elbo" not in result.metrics()


def test_without_a_fitted_density_it_has_no_samples(model: ConvAe, pixels: np.ndarray) -> None:
    result = evaluate(model, pixels, extractor=PixelFeatures(), prior=None, n_samples=200, seed=3)
    assert result.fd_samples is None and result.kid_samples is None
