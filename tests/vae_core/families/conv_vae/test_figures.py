"""What an evaluation says of posteriors: closed forms, and bounds that keep their order."""

import math

import numpy as np
import pytest
import torch

from tests.vae_core.linear_vae import SIGMA, PixelFeatures, draw_images
from tests.vae_core.wide_codes import GAINS, N, wide_model
from vae_core.evaluation.benchmark import evaluate
from vae_core.evaluation.benchmark_result import BenchmarkResult
from vae_core.families.build import build_model
from vae_core.families.conv_vae.config import ConvVaeConfig, LikelihoodName
from vae_core.images.preprocessing import to_unit
from vae_core.losses import bernoulli_nll


def test_latents_have_their_closed_forms(wide_result: BenchmarkResult, wide_pixels: np.ndarray) -> None:
    mu = (wide_pixels.reshape(N, -1)[:, :3] / 255 - 0.5) * GAINS
    kl = 0.5 * (np.square(mu) + SIGMA**2 - 1 - 2 * math.log(SIGMA)).mean(0)
    np.testing.assert_allclose(wide_result.kl_per_dim, kl, rtol=1e-4)
    np.testing.assert_allclose(wide_result.posterior_variance_per_dim, mu.var(0) + SIGMA**2, rtol=1e-4)
    assert wide_result.kl == pytest.approx(kl.sum(), rel=1e-4)
    assert (wide_result.active_units, wide_result.inactive_dims, wide_result.latent_dim) == (2, (2,), 3)


def test_neg_elbo_is_that_of_a_long_average_within_its_interval(
    wide_result: BenchmarkResult, wide_pixels: np.ndarray
) -> None:
    model, x = wide_model(), to_unit(wide_pixels)
    mu = model.encode(x).mu
    generator = torch.Generator().manual_seed(99)
    nll = torch.stack(
        [
            bernoulli_nll(model.decode_logits(mu + SIGMA * torch.randn(mu.shape, generator=generator)), x).mean()
            for _ in range(50)
        ]
    ).mean()
    assert wide_result.neg_elbo_low < float(nll) + wide_result.kl < wide_result.neg_elbo_high
    assert wide_result.neg_elbo_low < wide_result.neg_elbo < wide_result.neg_elbo_high


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "logistic"])
def test_neg_elbo_is_by_the_likelihood_of_the_model_and_names_it(likelihood: LikelihoodName) -> None:
    model = build_model(ConvVaeConfig(height=4, width=4, widths=(4,), latent_dim=4, likelihood=likelihood)).eval()
    images = draw_images(40)
    found = evaluate(model, images, extractor=PixelFeatures(), prior=None, n_samples=40)
    with torch.inference_mode():
        mu, logvar = model.encode(to_unit(images))
        nll = model.nll(model.decode_logits(mu), to_unit(images)).mean()
    assert found.likelihood == likelihood
    assert found.neg_elbo - found.kl == pytest.approx(float(nll), rel=0.1), (
        "a draw of z moves an untrained model little"
    )


def test_bounds_of_the_information_and_the_likelihood_keep_their_order(wide_result: BenchmarkResult) -> None:
    lower, upper, nll = wide_result.mutual_information_lower, wide_result.mutual_information_upper, wide_result.nll
    assert lower is not None and upper is not None and nll is not None and wide_result.mmd_prior is not None
    assert 0 < lower.value <= math.log(N) and lower.high < upper.value
    assert upper.value == pytest.approx(wide_result.kl, rel=1e-5) and upper.n == N
    assert (nll.n, nll.k) == (200, 50) and 1 <= nll.ess_mean <= 50
    # the -ELBO of a grey image is the mean over its binarizations, of which the likelihood sees one
    assert wide_result.neg_elbo is not None and nll.low < wide_result.neg_elbo
    assert wide_result.mmd_prior.low > 0, "these codes are five times wider than the prior"


def test_cells_tell_a_prior_that_samples_where_the_codes_are_from_one_that_does_not(
    wide_result: BenchmarkResult, wide_pixels: np.ndarray
) -> None:
    standard = evaluate(
        wide_model(), wide_pixels, extractor=PixelFeatures(), prior=None, n_samples=600, seed=3
    ).occupancy
    fitted = wide_result.occupancy
    assert fitted is not None and standard is not None
    # these codes are five times wider than N(0, I)
    assert fitted.distance < 2 * fitted.floor_p95 < standard.distance
    assert standard.used_by_samples < fitted.used_by_samples
    assert wide_result.metrics()["occupancy_distance"] == fitted.distance
