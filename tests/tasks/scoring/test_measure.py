"""What a version's measurement asks of the evaluation: clusters of the set, thoroughness, weights in their place."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tasks.scoring.measure import cached_clusters, kept_measurement, measure_version
from tests.tasks.conftest import Configure
from tests.tasks.opened import opened
from tests.vae_core.linear_vae import LinearVae, PixelFeatures, draw_images
from tests.vae_core.synthetic_images import TINY, tiny_vq_vae
from vae_core.evaluation import benchmark
from vae_core.evaluation.effort import THOROUGH
from vae_core.families.build import build_model
from vae_core.images.preprocessing import pixel_digest
from vae_core.priors.code_prior import CodePrior, build_code_prior
from vae_core.priors.code_prior_config import CodePriorConfig

SMALL = "[evaluation]\nn_images = 600\nn_samples = 600\n"


def _version(gains: tuple[float, ...] = (16.0, 16.0, 0.0), digest: str = "d" * 64) -> Any:
    return SimpleNamespace(model=LinearVae(gains), prior=None, digest=digest)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What reaches the evaluation, which ends there."""
    seen: list[dict[str, Any]] = []

    def record(model: torch.nn.Module, pixels: np.ndarray, **arguments: Any) -> None:
        seen.append({"model": model, **arguments})
        raise InterruptedError

    monkeypatch.setattr(benchmark, "evaluate", record)
    return seen


def _devices(module: torch.nn.Module) -> set[str]:
    return {tensor.device.type for tensor in module.state_dict().values()}


def _code_prior() -> CodePrior:
    return build_code_prior(CodePriorConfig(grid=(2, 2), codebook_size=16, width=8, depth=1, heads=1)).eval()


def test_what_is_evaluated_lies_where_it_is_evaluated_and_the_version_stays_where_it_was(
    configure: Configure, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure()
    monkeypatch.setattr("tasks.scoring.measure.training_device", lambda world: "meta")
    version: Any = SimpleNamespace(model=tiny_vq_vae(), prior=_code_prior(), digest="d" * 64)
    with pytest.raises(InterruptedError):
        measure_version(opened(), version, draw_images(40), PixelFeatures())
    assert asked[0]["device"] == "meta" and not asked[0]["model"].training and not asked[0]["prior"].training
    assert _devices(asked[0]["model"]) == _devices(asked[0]["prior"]) == {"meta"}
    assert _devices(version.model) == _devices(version.prior) == {"cpu"}


def test_on_the_processor_the_version_itself_is_evaluated_in_no_groups_where_the_set_is_small(
    configure: Configure, asked: list[dict[str, Any]]
) -> None:
    version: Any = SimpleNamespace(model=build_model(TINY).eval(), prior=_code_prior(), digest="d" * 64)
    with pytest.raises(InterruptedError):
        measure_version(opened(), version, draw_images(40), PixelFeatures())
    assert asked[0]["model"] is version.model and asked[0]["prior"] is version.prior
    assert asked[0]["groups"] is None and asked[0]["thorough"] is False


def test_versions_of_one_set_are_measured_in_the_same_clusters_which_are_found_once(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(SMALL)
    pixels, extractor = draw_images(600), PixelFeatures()
    first = measure_version(opened(), _version(), pixels, extractor).result
    monkeypatch.setattr("vae_core.evaluation.features.image_clusters.cluster_images", None)
    other = measure_version(opened(), _version((4.0, 16.0)), pixels, extractor).result
    clusters = cached_clusters(opened(), pixels, extractor)
    assert clusters is not None and first.groups is not None and other.groups is not None
    expected = {str(name): int((clusters == name).sum()) for name in (1, 2)}
    for found in (first.groups, other.groups):
        assert {group.group: group.n for group in found} == expected
    assert first.worst_group is not None and first.worst_group.recon_error >= first.recon_error
    assert first.metrics()["recon_error_worst_group"] == first.worst_group.recon_error
    least = first.least_covered_group
    assert least is not None and least.coverage is not None
    assert least.coverage.value == min(group.coverage.value for group in first.groups if group.coverage)
    assert first.occupancy is not None and first.occupancy.n_images == 300


def test_a_thorough_measurement_is_kept_beside_a_plain_one_whose_name_is_that_of_older_releases(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "THOROUGH", replace(THOROUGH, nll_images=20, nll_draws=100))
    pixels, extractor = draw_images(120), PixelFeatures()
    name = f"measurements/{'d' * 16}-{pixel_digest(pixels)[:16]}-{extractor.digest[:16]}-5000-0"
    configure("[evaluation]\nn_images = 200\n")
    plain = kept_measurement(opened(), _version(), pixels, extractor).result
    assert not plain.thorough and plain.fd_samples_at_infinity is None
    configure("[evaluation]\nn_images = 200\nthorough = true\n")
    found = kept_measurement(opened(), _version(), pixels, extractor).result
    assert found.thorough and found.fd_samples_at_infinity is not None
    assert found.nll is not None and (found.nll.n, found.nll.k) == (20, 100)
    assert sorted(opened().objects.keys("measurements/")) == [f"{name}-thorough.safetensors", f"{name}.safetensors"]
