"""An evaluation of a model whose every number is known in closed form."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.vae_core.linear_vae import PixelFeatures, draw_images
from tests.vae_core.wide_codes import N, wide_model
from vae_core.errors import DataError
from vae_core.evaluation.benchmark import evaluate
from vae_core.evaluation.benchmark_result import BenchmarkResult
from vae_core.evaluation.distances.density_coverage import measure_coverage
from vae_core.evaluation.distances.kid import kernel_distance
from vae_core.evaluation.effort import THOROUGH
from vae_core.evaluation.features.real_features import RealFeatures, extract_real_features
from vae_core.evaluation.images.decoding import decode_pixels
from vae_core.evaluation.images.image_quality import measure_quality
from vae_core.evaluation.progress import EvaluationProgress
from vae_core.images.preprocessing import to_unit
from vae_core.priors.gaussian_mixture import GaussianMixturePrior


def test_the_error_is_that_of_the_pixels_that_the_model_drops(
    wide_result: BenchmarkResult, wide_pixels: np.ndarray
) -> None:
    unit = wide_pixels.reshape(N, -1) / 255
    per_image = np.square(unit[:, 2:] - 0.5).sum(1) / 16
    half = 1.959964 * per_image.std(ddof=1) / math.sqrt(N)
    assert wide_result.recon_error == pytest.approx(per_image.mean(), rel=1e-5)
    assert wide_result.recon_error_low == pytest.approx(per_image.mean() - half, rel=1e-4)
    assert wide_result.recon_error_high == pytest.approx(per_image.mean() + half, rel=1e-4)
    assert wide_result.recon_error_p99 == pytest.approx(np.quantile(per_image, 0.99), rel=1e-4)
    assert wide_result.recon_error_baseline == pytest.approx(unit.var(0).mean(), rel=1e-9)
    assert wide_result.explained_variance == pytest.approx(1 - per_image.mean() / unit.var(0).mean(), rel=1e-4)


def test_samples_from_the_fitted_prior_are_nearer_than_those_from_the_standard_normal(
    wide_result: BenchmarkResult,
) -> None:
    assert wide_result.fd_samples_mixture is not None
    assert wide_result.fd_samples_mixture.high < wide_result.fd_samples_standard.low
    assert wide_result.fd_samples is wide_result.fd_samples_mixture


def test_the_model_that_drops_fourteen_pixels_is_that_far_away(
    wide_result: BenchmarkResult, wide_pixels: np.ndarray
) -> None:
    # kept wide_pixels are equal but for rounding, dropped ones are constant: the distance is their second moment
    unit = wide_pixels.reshape(N, -1) / 255
    dropped = unit[:, 2:]
    expected = np.square(dropped.mean(0) - 128 / 255).sum() + np.trace(np.cov(dropped.T))
    # the dropped wide_pixels correlate with the kept ones by 1/sqrt(N), which the kept ones transport
    assert wide_result.fd_reconstructions.value == pytest.approx(expected, rel=0.03)
    assert (
        wide_result.fd_reconstructions.low < wide_result.fd_reconstructions.value < wide_result.fd_reconstructions.high
    )


def test_the_floor_says_what_it_was_measured_on(wide_result: BenchmarkResult, wide_pixels: np.ndarray) -> None:
    assert wide_result.fd_floor_kind == "two_halves"
    assert (wide_result.fd_floor.n_real, wide_result.fd_floor.n_fake) == (N // 2, N // 2)
    extractor = PixelFeatures()
    other = evaluate(
        wide_model(),
        wide_pixels,
        extractor=extractor,
        prior=None,
        independent_features=extract_real_features(draw_images(N, seed=1), extractor),
        n_samples=600,
        seed=3,
    )
    assert other.fd_floor_kind == "independent_set"
    assert (other.fd_floor.n_real, other.fd_floor.n_fake) == (N, N)
    assert 0 < other.fd_floor.value < wide_result.fd_floor.value < wide_result.fd_samples_standard.value


def test_cached_features_and_a_left_out_prior_change_no_other_number(
    wide_result: BenchmarkResult, wide_pixels: np.ndarray
) -> None:
    extractor = PixelFeatures()
    cached = RealFeatures.from_bytes(extract_real_features(wide_pixels, extractor).to_bytes())
    again = evaluate(
        wide_model(), wide_pixels, extractor=extractor, prior=None, real_features=cached, n_samples=600, seed=3
    )
    of_the_own_samples = {name: getattr(again, name) for name in ("kid_samples", "coverage_samples", "occupancy")}
    assert again == wide_result.model_copy(update={"fd_samples_mixture": None, **of_the_own_samples})
    assert again.fd_samples is again.fd_samples_standard
    assert again.kid_samples != wide_result.kid_samples


def test_another_seed_draws_other_samples_and_leaves_the_errors(
    wide_result: BenchmarkResult, wide_pixels: np.ndarray
) -> None:
    other = evaluate(wide_model(), wide_pixels, extractor=PixelFeatures(), prior=None, n_samples=600, seed=4)
    assert other.fd_samples_standard.value != wide_result.fd_samples_standard.value
    assert other.neg_elbo != wide_result.neg_elbo
    assert other.recon_error == wide_result.recon_error


def test_what_is_measured_beside_the_distances_is_what_the_parts_measure(
    wide_result: BenchmarkResult, wide_pixels: np.ndarray, wide_prior: GaussianMixturePrior
) -> None:
    model, real = wide_model(), PixelFeatures().extract(wide_pixels)
    reconstructions = decode_pixels(model, model.encode(to_unit(wide_pixels)).mu)
    samples = PixelFeatures().extract(decode_pixels(model, wide_prior.sample(600, torch.Generator().manual_seed(3))))
    assert wide_result.kid_samples is not None and wide_result.psnr_db is not None and wide_result.ssim is not None
    kid, quality = kernel_distance(real, samples), measure_quality(wide_pixels, reconstructions)
    assert wide_result.kid_samples.value == pytest.approx(kid.value, rel=1e-6)
    assert wide_result.kid_samples.low == pytest.approx(kid.low, rel=1e-6)
    covered, found = measure_coverage(real, samples), wide_result.coverage_samples
    assert found is not None and (found.density, found.coverage) == (covered.density, covered.coverage)
    assert wide_result.coverage_reconstructions is not None and wide_result.coverage_reconstructions.n_fake == N
    # the reference quantises the reconstructions to 256 levels first
    assert quality.psnr_of_images_db is not None
    assert wide_result.psnr_db.value == pytest.approx(quality.psnr_of_images_db.mean, abs=0.02)
    assert wide_result.ssim.value == pytest.approx(quality.ssim.mean, abs=1e-3)


def test_the_error_of_each_group_is_its_mean_and_the_worst_comes_first(
    wide_result: BenchmarkResult, wide_pixels: np.ndarray
) -> None:
    bright = wide_pixels.reshape(N, -1)[:, 2:].astype(float).var(1) > 2600
    names = np.where(bright, "spread", "flat")
    found = evaluate(
        wide_model(), wide_pixels, extractor=PixelFeatures(), prior=None, groups=names, n_samples=600, seed=3
    )
    assert found.groups is not None and [group.group for group in found.groups] == ["spread", "flat"]
    unit = wide_pixels.reshape(N, -1) / 255
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
        evaluate(wide_model(), wide_pixels, extractor=PixelFeatures(), prior=None, groups=names[1:])


def test_only_a_thorough_evaluation_goes_to_infinite_n_and_changes_nothing_else_that_is_cheap(
    wide_result: BenchmarkResult, wide_pixels: np.ndarray
) -> None:
    found = evaluate(
        wide_model(),
        wide_pixels,
        extractor=PixelFeatures(),
        prior=None,
        thorough=True,
        # the draws of the likelihood alone would take half a minute
        effort=replace(THOROUGH, nll_images=20, nll_draws=100),
        n_samples=600,
        seed=3,
    )
    limit, standard = found.fd_samples_at_infinity, wide_result.fd_samples_standard
    assert limit is not None and standard is not None and wide_result.fd_samples_at_infinity is None
    assert limit.value < standard.value and (limit.n_real, limit.n_fake) == (N, 600)
    assert found.nll is not None and (found.nll.k, found.nll.n) == (100, 20)
    assert found.fd_samples_standard == standard


def test_progress_rises_to_one_through_named_stages(wide_pixels: np.ndarray, wide_prior: GaussianMixturePrior) -> None:
    heard: list[EvaluationProgress] = []
    evaluate(
        wide_model(), wide_pixels, extractor=PixelFeatures(), prior=wide_prior, n_samples=100, on_progress=heard.append
    )
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


def test_features_of_other_images_or_another_extractor_are_refused(wide_pixels: np.ndarray) -> None:
    extractor = PixelFeatures()
    cached = extract_real_features(wide_pixels, extractor)
    with pytest.raises(DataError, match="features of another one"):
        evaluate(wide_model(), wide_pixels[1:], extractor=extractor, prior=None, real_features=cached)
    foreign = RealFeatures(cached.features, "wide_pixels", "f" * 64, cached.data_digest)
    with pytest.raises(DataError, match="of the extractor"):
        evaluate(wide_model(), wide_pixels, extractor=extractor, prior=None, real_features=foreign)
    with pytest.raises(DataError, match="of the extractor"):
        evaluate(wide_model(), wide_pixels, extractor=extractor, prior=None, independent_features=foreign)


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
        evaluate(wide_model(), images, extractor=PixelFeatures(), prior=None)


def test_four_images_are_enough_for_a_flagged_result() -> None:
    few = evaluate(wide_model(), draw_images(4), extractor=PixelFeatures(), prior=None, n_samples=2)
    assert few.fd_samples_standard is not None and few.fd_samples_standard.n_too_small
    assert few.fd_floor.n_too_small
    assert few.kid_samples is None and few.coverage_reconstructions is None
