"""One evaluation of a VAE in closed form, whose numbers several rooms explain."""

import numpy as np
import pytest
import torch

from tests.vae_core.linear_vae import SIGMA, PixelFeatures, draw_images
from tests.vae_core.wide_codes import N, wide_model
from vae_core.evaluation.benchmark import evaluate
from vae_core.evaluation.benchmark_result import BenchmarkResult
from vae_core.images.preprocessing import to_unit
from vae_core.priors.gaussian_mixture import GaussianMixturePrior, fit_mixture


@pytest.fixture(scope="session")
def wide_pixels() -> np.ndarray:
    return draw_images(N)


@pytest.fixture(scope="session")
def wide_prior(wide_pixels: np.ndarray) -> GaussianMixturePrior:
    codes = wide_model().encode(to_unit(wide_pixels)).mu
    return fit_mixture(codes + SIGMA * torch.randn(codes.shape, generator=torch.Generator().manual_seed(0)), 2)


@pytest.fixture(scope="session")
def wide_result(wide_pixels: np.ndarray, wide_prior: GaussianMixturePrior) -> BenchmarkResult:
    return evaluate(wide_model(), wide_pixels, extractor=PixelFeatures(), prior=wide_prior, n_samples=600, seed=3)
