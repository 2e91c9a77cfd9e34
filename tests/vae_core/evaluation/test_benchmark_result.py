"""A result outlives its release: as JSON, as numbers for a tracking server, and of one family."""

import math

import pytest
from pydantic import ValidationError

from vae_core.evaluation.benchmark_result import BenchmarkResult


def test_the_result_survives_json_and_flattens_with_the_feature_space_in_the_names(
    wide_result: BenchmarkResult,
) -> None:
    assert BenchmarkResult.model_validate_json(wide_result.model_dump_json()) == wide_result
    metrics = wide_result.metrics()
    assert all(isinstance(value, float) and math.isfinite(value) for value in metrics.values())
    assert wide_result.fd_samples_mixture is not None
    assert metrics["fd_pixels"] == metrics["fd_pixels_samples_mixture"] == wide_result.fd_samples_mixture.value
    assert metrics["fd_pixels_floor"] == wide_result.fd_floor.value
    assert metrics["active_units"] == 2.0
    assert wide_result.nll is not None and metrics["nll_k50_n200"] == wide_result.nll.value
    assert wide_result.kid_samples is not None and metrics["kid_pixels_samples_n600"] == wide_result.kid_samples.value
    assert wide_result.coverage_samples is not None
    assert metrics["density_pixels_samples"] == wide_result.coverage_samples.density
    assert "fd_pixels_samples_codes" not in metrics and "codes_used" not in metrics


def test_a_result_of_a_release_that_measured_less_still_parses(wide_result: BenchmarkResult) -> None:
    newer = {
        "psnr_db", "ssim", "groups", "nll", "mutual_information_lower", "mutual_information_upper", "mmd_prior",
        "occupancy", "thorough",
        "codes", "codes_used", "code_perplexity", "code_distance", "code_distance_low", "code_distance_high",
        "fd_samples_codes", "fd_samples_at_infinity", "kid_samples", "coverage_reconstructions", "coverage_samples",
    }  # fmt: skip
    old = BenchmarkResult.model_validate_json(wide_result.model_dump_json(exclude=newer))
    assert old == wide_result.model_copy(update=dict.fromkeys(newer) | {"thorough": False})
    assert set(old.metrics()) < set(wide_result.metrics())


def test_a_result_is_of_one_family(wide_result: BenchmarkResult) -> None:
    for changes in ({"kl": None}, {"codes": 8, "codes_used": 3}):
        with pytest.raises(ValidationError, match="active_units of a conv_ae and nothing else of these, came"):
            BenchmarkResult.model_validate({**wide_result.model_dump(), **changes})
