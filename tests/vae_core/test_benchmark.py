"""An evaluation of a model whose every number is known in closed form."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.vae_core.linear_vae import SIGMA, LinearVae, PixelFeatures, draw_images
from vae_core.errors import DataError, DivergenceError
from vae_core.evaluation import benchmark
from vae_core.evaluation.benchmark import evaluate
from vae_core.evaluation.benchmark_result import BenchmarkResult, FrechetScore
from vae_core.evaluation.distances.density_coverage import measure_coverage
from vae_core.evaluation.distances.frechet_interval import FrechetEstimate
from vae_core.evaluation.distances.kid import kernel_distance
from vae_core.evaluation.effort import THOROUGH
from vae_core.evaluation.features.real_features import RealFeatures, extract_real_features
from vae_core.evaluation.images.decoding import decode_pixels
from vae_core.evaluation.images.image_quality import measure_quality
from vae_core.evaluation.progress import EvaluationProgress
from vae_core.families.build import build_model
from vae_core.families.conv_vae.config import ConvVaeConfig, LikelihoodName
from vae_core.images.preprocessing import to_unit
from vae_core.losses import bernoulli_nll
from vae_core.priors.gaussian_mixture import GaussianMixturePrior, fit_mixture

N = 700
GAINS = (16.0, 16.0, 0.0)
"""Codes wider than N(0, I), so that the two priors differ."""


def _model() -> LinearVae:
    return LinearVae(GAINS)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return draw_images(N)


@pytest.fixture(scope="module")
def prior(pixels: np.ndarray) -> GaussianMixturePrior:
    codes = _model().encode(to_unit(pixels)).mu
    return fit_mixture(codes + SIGMA * torch.randn(codes.shape, generator=torch.Generator().manual_seed(0)), 2)


@pytest.fixture(scope="module")
def result(pixels: np.ndarray, prior: GaussianMixturePrior) -> BenchmarkResult:
    return evaluate(_model(), pixels, extractor=PixelFeatures(), prior=prior, n_samples=600, seed=3)


def test_the_error_is_that_of_the_pixels_that_the_model_drops(result: BenchmarkResult, pixels: np.ndarray) -> None:
    unit = pixels.reshape(N, -1) / 255
    per_image = np.square(unit[:, 2:] - 0.5).sum(1) / 16
    half = 1.959964 * per_image.std(ddof=1) / math.sqrt(N)
    assert result.recon_error == pytest.approx(per_image.mean(), rel=1e-5)
    assert result.recon_error_low == pytest.approx(per_image.mean() - half, rel=1e-4)
    assert result.recon_error_high == pytest.approx(per_image.mean() + half, rel=1e-4)
    assert result.recon_error_p99 == pytest.approx(np.quantile(per_image, 0.99), rel=1e-4)
    assert result.recon_error_baseline == pytest.approx(unit.var(0).mean(), rel=1e-9)
    assert result.explained_variance == pytest.approx(1 - per_image.mean() / unit.var(0).mean(), rel=1e-4)


def test_latents_have_their_closed_forms(result: BenchmarkResult, pixels: np.ndarray) -> None:
    mu = (pixels.reshape(N, -1)[:, :3] / 255 - 0.5) * GAINS
    kl = 0.5 * (np.square(mu) + SIGMA**2 - 1 - 2 * math.log(SIGMA)).mean(0)
    np.testing.assert_allclose(result.kl_per_dim, kl, rtol=1e-4)
    np.testing.assert_allclose(result.posterior_variance_per_dim, mu.var(0) + SIGMA**2, rtol=1e-4)
    assert result.kl == pytest.approx(kl.sum(), rel=1e-4)
    assert (result.active_units, result.inactive_dims, result.latent_dim) == (2, (2,), 3)


def test_neg_elbo_is_that_of_a_long_average_within_its_interval(result: BenchmarkResult, pixels: np.ndarray) -> None:
    model, x = _model(), to_unit(pixels)
    mu = model.encode(x).mu
    generator = torch.Generator().manual_seed(99)
    nll = torch.stack(
        [
            bernoulli_nll(model.decode_logits(mu + SIGMA * torch.randn(mu.shape, generator=generator)), x).mean()
            for _ in range(50)
        ]
    ).mean()
    assert result.neg_elbo_low < float(nll) + result.kl < result.neg_elbo_high
    assert result.neg_elbo_low < result.neg_elbo < result.neg_elbo_high


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


def test_samples_from_the_fitted_prior_are_nearer_than_those_from_the_standard_normal(
    result: BenchmarkResult,
) -> None:
    assert result.fd_samples_mixture is not None
    assert result.fd_samples_mixture.high < result.fd_samples_standard.low
    assert result.fd_samples is result.fd_samples_mixture


def test_the_model_that_drops_fourteen_pixels_is_that_far_away(result: BenchmarkResult, pixels: np.ndarray) -> None:
    # kept pixels are equal but for rounding, dropped ones are constant: the distance is their second moment
    unit = pixels.reshape(N, -1) / 255
    dropped = unit[:, 2:]
    expected = np.square(dropped.mean(0) - 128 / 255).sum() + np.trace(np.cov(dropped.T))
    # the dropped pixels correlate with the kept ones by 1/sqrt(N), which the kept ones transport
    assert result.fd_reconstructions.value == pytest.approx(expected, rel=0.03)
    assert result.fd_reconstructions.low < result.fd_reconstructions.value < result.fd_reconstructions.high


def test_the_floor_says_what_it_was_measured_on(result: BenchmarkResult, pixels: np.ndarray) -> None:
    assert result.fd_floor_kind == "two_halves"
    assert (result.fd_floor.n_real, result.fd_floor.n_fake) == (N // 2, N // 2)
    extractor = PixelFeatures()
    other = evaluate(
        _model(),
        pixels,
        extractor=extractor,
        prior=None,
        independent_features=extract_real_features(draw_images(N, seed=1), extractor),
        n_samples=600,
        seed=3,
    )
    assert other.fd_floor_kind == "independent_set"
    assert (other.fd_floor.n_real, other.fd_floor.n_fake) == (N, N)
    assert 0 < other.fd_floor.value < result.fd_floor.value < result.fd_samples_standard.value


def test_cached_features_and_a_left_out_prior_change_no_other_number(
    result: BenchmarkResult, pixels: np.ndarray
) -> None:
    extractor = PixelFeatures()
    cached = RealFeatures.from_bytes(extract_real_features(pixels, extractor).to_bytes())
    again = evaluate(_model(), pixels, extractor=extractor, prior=None, real_features=cached, n_samples=600, seed=3)
    of_the_own_samples = {name: getattr(again, name) for name in ("kid_samples", "coverage_samples", "occupancy")}
    assert again == result.model_copy(update={"fd_samples_mixture": None, **of_the_own_samples})
    assert again.fd_samples is again.fd_samples_standard
    assert again.kid_samples != result.kid_samples


def test_another_seed_draws_other_samples_and_leaves_the_errors(result: BenchmarkResult, pixels: np.ndarray) -> None:
    other = evaluate(_model(), pixels, extractor=PixelFeatures(), prior=None, n_samples=600, seed=4)
    assert other.fd_samples_standard.value != result.fd_samples_standard.value
    assert other.neg_elbo != result.neg_elbo
    assert other.recon_error == result.recon_error


def test_the_result_survives_json_and_flattens_with_the_feature_space_in_the_names(
    result: BenchmarkResult,
) -> None:
    assert BenchmarkResult.model_validate_json(result.model_dump_json()) == result
    metrics = result.metrics()
    assert all(isinstance(value, float) and math.isfinite(value) for value in metrics.values())
    assert result.fd_samples_mixture is not None
    assert metrics["fd_pixels"] == metrics["fd_pixels_samples_mixture"] == result.fd_samples_mixture.value
    assert metrics["fd_pixels_floor"] == result.fd_floor.value
    assert metrics["active_units"] == 2.0
    assert result.nll is not None and metrics["nll_k50_n200"] == result.nll.value
    assert result.kid_samples is not None and metrics["kid_pixels_samples_n600"] == result.kid_samples.value
    assert result.coverage_samples is not None
    assert metrics["density_pixels_samples"] == result.coverage_samples.density
    assert "fd_pixels_samples_codes" not in metrics and "codes_used" not in metrics


def test_a_result_of_a_release_that_measured_less_still_parses(result: BenchmarkResult) -> None:
    newer = {
        "psnr_db", "ssim", "groups", "nll", "mutual_information_lower", "mutual_information_upper", "mmd_prior",
        "occupancy", "thorough",
        "codes", "codes_used", "code_perplexity", "code_distance", "code_distance_low", "code_distance_high",
        "fd_samples_codes", "fd_samples_at_infinity", "kid_samples", "coverage_reconstructions", "coverage_samples",
    }  # fmt: skip
    old = BenchmarkResult.model_validate_json(result.model_dump_json(exclude=newer))
    assert old == result.model_copy(update=dict.fromkeys(newer) | {"thorough": False})
    assert set(old.metrics()) < set(result.metrics())


def test_a_result_is_of_one_family(result: BenchmarkResult) -> None:
    for changes in ({"kl": None}, {"codes": 8, "codes_used": 3}):
        with pytest.raises(ValidationError, match="active_units of a conv_ae and nothing else of these, came"):
            BenchmarkResult.model_validate({**result.model_dump(), **changes})


def test_what_is_measured_beside_the_distances_is_what_the_parts_measure(
    result: BenchmarkResult, pixels: np.ndarray, prior: GaussianMixturePrior
) -> None:
    model, real = _model(), PixelFeatures().extract(pixels)
    reconstructions = decode_pixels(model, model.encode(to_unit(pixels)).mu)
    samples = PixelFeatures().extract(decode_pixels(model, prior.sample(600, torch.Generator().manual_seed(3))))
    assert result.kid_samples is not None and result.psnr_db is not None and result.ssim is not None
    kid, quality = kernel_distance(real, samples), measure_quality(pixels, reconstructions)
    assert result.kid_samples.value == pytest.approx(kid.value, rel=1e-6)
    assert result.kid_samples.low == pytest.approx(kid.low, rel=1e-6)
    covered, found = measure_coverage(real, samples), result.coverage_samples
    assert found is not None and (found.density, found.coverage) == (covered.density, covered.coverage)
    assert result.coverage_reconstructions is not None and result.coverage_reconstructions.n_fake == N
    # the reference quantises the reconstructions to 256 levels first
    assert quality.psnr_of_images_db is not None
    assert result.psnr_db.value == pytest.approx(quality.psnr_of_images_db.mean, abs=0.02)
    assert result.ssim.value == pytest.approx(quality.ssim.mean, abs=1e-3)


def test_bounds_of_the_information_and_the_likelihood_keep_their_order(result: BenchmarkResult) -> None:
    lower, upper, nll = result.mutual_information_lower, result.mutual_information_upper, result.nll
    assert lower is not None and upper is not None and nll is not None and result.mmd_prior is not None
    assert 0 < lower.value <= math.log(N) and lower.high < upper.value
    assert upper.value == pytest.approx(result.kl, rel=1e-5) and upper.n == N
    assert (nll.n, nll.k) == (200, 50) and 1 <= nll.ess_mean <= 50
    # the -ELBO of a grey image is the mean over its binarizations, of which the likelihood sees one
    assert result.neg_elbo is not None and nll.low < result.neg_elbo
    assert result.mmd_prior.low > 0, "these codes are five times wider than the prior"


def test_the_error_of_each_group_is_its_mean_and_the_worst_comes_first(
    result: BenchmarkResult, pixels: np.ndarray
) -> None:
    bright = pixels.reshape(N, -1)[:, 2:].astype(float).var(1) > 2600
    names = np.where(bright, "spread", "flat")
    found = evaluate(_model(), pixels, extractor=PixelFeatures(), prior=None, groups=names, n_samples=600, seed=3)
    assert found.groups is not None and [group.group for group in found.groups] == ["spread", "flat"]
    unit = pixels.reshape(N, -1) / 255
    errors = np.square(unit[:, 2:] - 0.5).sum(1) / 16
    for group, rows in zip(found.groups, (bright, ~bright), strict=True):
        assert (group.n, group.recon_error) == (rows.sum(), pytest.approx(errors[rows].mean(), rel=1e-5))
        assert group.low is not None and group.high is not None and group.low < group.recon_error < group.high
        assert group.coverage is not None and group.coverage.n == rows.sum()
    assert found.coverage_samples is not None
    together = sum(g.coverage.value * g.n for g in found.groups if g.coverage) / N
    assert together == pytest.approx(found.coverage_samples.coverage)
    assert BenchmarkResult.model_validate_json(found.model_dump_json()) == found
    with pytest.raises(DataError, match="expected 700 groups, one an image"):
        evaluate(_model(), pixels, extractor=PixelFeatures(), prior=None, groups=names[1:])


def test_only_a_thorough_evaluation_goes_to_infinite_n_and_changes_nothing_else_that_is_cheap(
    monkeypatch: pytest.MonkeyPatch, result: BenchmarkResult, pixels: np.ndarray
) -> None:
    # the draws of the likelihood alone would take half a minute
    monkeypatch.setattr(benchmark, "THOROUGH", replace(THOROUGH, nll_images=20, nll_draws=100))
    found = evaluate(_model(), pixels, extractor=PixelFeatures(), prior=None, thorough=True, n_samples=600, seed=3)
    limit, standard = found.fd_samples_at_infinity, result.fd_samples_standard
    assert limit is not None and standard is not None and result.fd_samples_at_infinity is None
    assert limit.value < standard.value and (limit.n_real, limit.n_fake) == (N, 600)
    assert found.nll is not None and (found.nll.k, found.nll.n) == (100, 20)
    assert found.fd_samples_standard == standard


def test_cells_tell_a_prior_that_samples_where_the_codes_are_from_one_that_does_not(
    result: BenchmarkResult, pixels: np.ndarray
) -> None:
    standard = evaluate(_model(), pixels, extractor=PixelFeatures(), prior=None, n_samples=600, seed=3).occupancy
    fitted = result.occupancy
    assert fitted is not None and standard is not None
    # these codes are five times wider than N(0, I)
    assert fitted.distance < 2 * fitted.floor_p95 < standard.distance
    assert standard.used_by_samples < fitted.used_by_samples
    assert result.metrics()["occupancy_distance"] == fitted.distance


def test_progress_rises_to_one_through_named_stages(pixels: np.ndarray, prior: GaussianMixturePrior) -> None:
    heard: list[EvaluationProgress] = []
    evaluate(_model(), pixels, extractor=PixelFeatures(), prior=prior, n_samples=100, on_progress=heard.append)
    shares = [progress.share_done for progress in heard]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert list(dict.fromkeys(progress.stage for progress in heard)) == [
        "real images",
        "reconstructions",
        "samples from N(0, I)",
        "samples from the mixture",
        "neighbourhoods of features",
        "codes",
    ]
    halfway = next(each for each in heard if each.stage == "samples from the mixture")
    assert halfway.done == 0 and halfway.share_done < 1.0, "a stage is named as it begins, not when it is over"


@pytest.mark.parametrize(
    ("n_a", "n_b", "dim", "small"),
    [(5000, 5000, 1280, False), (5000, 4999, 1280, True), (5000, 5000, 5000, True)],
)
def test_a_distance_of_too_few_images_says_so(n_a: int, n_b: int, dim: int, small: bool) -> None:
    score = FrechetScore.of(FrechetEstimate(30.0, 0.5, 29.0, 31.0, n_a, n_b), "efflite0", dim)
    assert score.n_too_small is small
    assert str(score) == f"fd_efflite0 30.00 [29.00, 31.00] (n={n_b}{', n too small' if small else ''})"


def test_features_of_other_images_or_another_extractor_are_refused(pixels: np.ndarray) -> None:
    extractor = PixelFeatures()
    cached = extract_real_features(pixels, extractor)
    with pytest.raises(DataError, match="features of another one"):
        evaluate(_model(), pixels[1:], extractor=extractor, prior=None, real_features=cached)
    foreign = RealFeatures(cached.features, "pixels", "f" * 64, cached.data_digest)
    with pytest.raises(DataError, match="of the extractor"):
        evaluate(_model(), pixels, extractor=extractor, prior=None, real_features=foreign)
    with pytest.raises(DataError, match="of the extractor"):
        evaluate(_model(), pixels, extractor=extractor, prior=None, independent_features=foreign)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 1, 4, 4), np.uint8), "at least 4 uint8 images"),
        (np.zeros((9, 1, 4, 4), np.float32), "came float32"),
        (np.full((9, 1, 4, 4), 7, np.uint8), "all the same"),
    ],
)
def test_images_that_no_model_can_be_judged_on_are_refused(images: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        evaluate(_model(), images, extractor=PixelFeatures(), prior=None)


def test_a_model_that_answers_nan_is_named_not_measured(pixels: np.ndarray) -> None:
    with pytest.raises(DivergenceError, match="answers image 0 with NaN"):
        evaluate(LinearVae((math.nan, 1.0)), pixels, extractor=PixelFeatures(), prior=None)


def test_four_images_are_enough_for_a_flagged_result() -> None:
    result = evaluate(_model(), draw_images(4), extractor=PixelFeatures(), prior=None, n_samples=2)
    assert result.fd_samples_standard is not None and result.fd_samples_standard.n_too_small
    assert result.fd_floor.n_too_small
    assert result.kid_samples is None and result.coverage_reconstructions is None
