"""An evaluation of a VQ-VAE, each figure by an oracle of its own; samples only where it has a prior over its codes."""

import math

import numpy as np
import pytest
import scipy.stats
import torch

from tests.vae_core.evaluation.coded_vae import CODES, CONFIG, code_prior, coded_vae
from tests.vae_core.linear_vae import PixelFeatures, draw_images
from vae_core.errors import DataError, DivergenceError
from vae_core.evaluation.benchmark import evaluate
from vae_core.evaluation.benchmark_result import BenchmarkResult
from vae_core.evaluation.distances.frechet_interval import frechet_interval
from vae_core.evaluation.images.decoding import decode_pixels
from vae_core.evaluation.images.pictures import reconstruction_grid, sample_grid, worst_reconstructions
from vae_core.evaluation.progress import EvaluationProgress
from vae_core.families.build import build_model
from vae_core.families.vq_vae.model import VqVae
from vae_core.images.preprocessing import to_unit
from vae_core.priors.code_prior import CodePrior

N = 300


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return draw_images(N)


@pytest.fixture(scope="module")
def model(pixels: np.ndarray) -> VqVae:
    return coded_vae(pixels)


@pytest.fixture(scope="module")
def prior() -> CodePrior:
    return code_prior()


@pytest.fixture(scope="module")
def result(model: VqVae, pixels: np.ndarray, prior: CodePrior) -> BenchmarkResult:
    return evaluate(model, pixels, extractor=PixelFeatures(), prior=prior, n_samples=520, seed=3)


def test_its_error_and_its_codes_are_those_of_a_pass_by_hand(
    result: BenchmarkResult, model: VqVae, pixels: np.ndarray
) -> None:
    with torch.inference_mode():
        x = to_unit(pixels)
        z_e = model.encode(x)
        quantised = model.quantise(z_e)
        errors = (model.decode(quantised.z_q) - x).square().mean((1, 2, 3))
        distances = (z_e - quantised.z_q).square().sum(1).sqrt().mean((1, 2)).double()
    counts = np.bincount(quantised.indices.flatten().numpy(), minlength=CODES)
    assert result.recon_error == pytest.approx(float(errors.mean()), rel=1e-5)
    assert (result.codes, result.codes_used, result.latent_dim) == (CODES, int((counts > 0).sum()), 16)
    assert result.code_perplexity == pytest.approx(math.exp(scipy.stats.entropy(counts)), rel=1e-9)
    assert result.code_distance == pytest.approx(float(distances.mean()), rel=1e-5)
    assert result.code_distance_low is not None and result.code_distance_high is not None
    half = scipy.stats.t.ppf(0.975, N - 1) * float(distances.std()) / math.sqrt(N)
    assert result.code_distance_high - result.code_distance_low == pytest.approx(2 * half, rel=1e-4)


def test_what_only_a_posterior_has_is_left_out_of_result_and_metrics(result: BenchmarkResult) -> None:
    for name in (
        "likelihood", "neg_elbo", "neg_elbo_low", "neg_elbo_high", "nll", "kl", "active_units", "kl_per_dim",
        "inactive_dims", "mu_variance_per_dim", "posterior_mean_per_dim", "posterior_variance_per_dim", "mmd_prior",
        "mutual_information_lower", "mutual_information_upper", "fd_samples_standard", "fd_samples_mixture",
        "traversals",
    ):  # fmt: skip
        assert getattr(result, name) is None, name
    metrics = result.metrics()
    assert metrics["codes_used"] == result.codes_used and metrics["code_perplexity"] == result.code_perplexity
    assert not {"kl", "active_units", "neg_elbo", "fd_pixels_samples_standard"} & set(metrics)
    assert all(math.isfinite(value) for value in metrics.values())
    assert BenchmarkResult.model_validate_json(result.model_dump_json()) == result


def test_its_samples_are_decoded_draws_from_the_prior_over_its_codes(
    result: BenchmarkResult, model: VqVae, pixels: np.ndarray, prior: CodePrior
) -> None:
    drawn = decode_pixels(model, prior.sample(520, torch.Generator().manual_seed(3)))
    expected = frechet_interval(PixelFeatures().extract(pixels), PixelFeatures().extract(drawn))
    assert result.fd_samples_codes is not None and result.fd_samples is result.fd_samples_codes
    assert result.fd_samples_codes.value == pytest.approx(expected.value, rel=1e-9)
    assert result.fd_samples_codes.n_fake == 520
    assert result.metrics()["fd_pixels"] == result.metrics()["fd_pixels_samples_codes"]
    assert result.kid_samples is not None and result.coverage_samples is not None


def test_without_a_prior_it_has_no_samples_and_everything_else(
    result: BenchmarkResult, model: VqVae, pixels: np.ndarray
) -> None:
    heard: list[EvaluationProgress] = []
    alone = evaluate(
        model, pixels, extractor=PixelFeatures(), prior=None, n_samples=520, seed=3, on_progress=heard.append
    )
    of_samples = ("fd_samples_codes", "kid_samples", "coverage_samples")
    assert alone == result.model_copy(update=dict.fromkeys(of_samples))
    assert alone.fd_samples is None and "fd_pixels" not in alone.metrics()
    assert heard[-1].share_done == 1.0 and not any("samples" in each.stage for each in heard)


def test_a_broken_one_is_named_not_measured(pixels: np.ndarray) -> None:
    broken = build_model(CONFIG, seed=0).eval()
    with torch.no_grad():
        next(iter(broken.decoder.parameters())).fill_(math.nan)
    with pytest.raises(DivergenceError, match="answers image 0 with NaN"):
        evaluate(broken, pixels, extractor=PixelFeatures(), prior=None)


def test_its_pictures_are_decoded_codes(model: VqVae, pixels: np.ndarray, prior: CodePrior) -> None:
    samples = sample_grid(model, prior, rows=2, columns=3, seed=5)
    first = decode_pixels(model, prior.sample(6, torch.Generator().manual_seed(5)))[0, 0]
    assert samples.shape == (8, 12)
    np.testing.assert_array_equal(samples[:4, :4], first)
    with pytest.raises(DataError, match="a prior over the codes of a VQ-VAE, came none"):
        sample_grid(model, None, rows=1, columns=2, seed=0)
    grid = reconstruction_grid(model, pixels[:3])
    with torch.inference_mode():
        indices = model.quantise(model.encode(to_unit(pixels[:3]))).indices
    np.testing.assert_array_equal(grid[4:, 4:8], decode_pixels(model, indices)[1, 0])
    worst = worst_reconstructions(model, pixels, count=2)
    assert worst.recon_error[0] >= worst.recon_error[1]
    np.testing.assert_array_equal(worst.grid[:4, :4], pixels[worst.rows[0], 0])
