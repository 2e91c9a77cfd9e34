"""Every measure gives on an accelerator what it gives on the processor."""

import math

import numpy as np
import pytest
import torch

from vae_core.evaluation.codes.occupancy import assign_cells, count_codes
from vae_core.evaluation.codes.traversal_check import check_traversals, prior_values
from vae_core.evaluation.codes.traversal_score import measure_traversals
from vae_core.evaluation.distances.mmd import measure_mmd, wae_kernel
from vae_core.evaluation.effort import USUAL
from vae_core.evaluation.images.image_quality import measure_quality
from vae_core.evaluation.likelihood.binarize import binarize
from vae_core.evaluation.likelihood.model_nll import bernoulli_nll_of
from vae_core.evaluation.likelihood.mutual_information import measure_mutual_information
from vae_core.families.build import build_model
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.conv_vae.protocol import Posterior

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")],
    ),
]
SMALL = ConvVaeConfig(channels=3, height=8, width=8, widths=(4, 8), latent_dim=4)


def _codes(n: int, seed: int) -> torch.Tensor:
    return torch.randn((n, 4), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("device", DEVICES)
def test_distances_of_codes_are_those_of_float64_on_the_processor(device: str) -> None:
    x, y = _codes(300, 0), _codes(200, 1) + 0.3
    kernel = wae_kernel(4)
    exact, found = measure_mmd(x.double(), y.double(), kernel), measure_mmd(x.to(device), y.to(device), kernel)
    assert found.value == pytest.approx(exact.value, abs=0.01 * exact.standard_error)
    assert found.standard_error == pytest.approx(exact.standard_error, rel=1e-3)
    cells = assign_cells(x.to(device), y[:16].to(device))
    nearest = torch.cdist(x.double(), y[:16].double()).argmin(1)
    np.testing.assert_array_equal(count_codes(cells, 16), np.bincount(nearest.numpy(), minlength=16))


@pytest.mark.parametrize("device", DEVICES)
def test_image_quality_is_equal_everywhere(device: str) -> None:
    x, y = np.random.default_rng(0).integers(0, 256, (2, 9, 3, 16, 20), dtype=np.uint8)
    exact, found = measure_quality(x, y), measure_quality(x, y, batch_size=4, device=device)
    for one, other in ((exact.mse, found.mse), (exact.ssim, found.ssim)):
        assert (other.mean, other.low) == (pytest.approx(one.mean, rel=1e-9), pytest.approx(one.low, rel=1e-9))


@pytest.mark.parametrize("device", DEVICES)
def test_what_is_drawn_agrees_within_its_standard_errors(device: str) -> None:
    model = build_model(SMALL).eval()
    pixels = binarize(
        np.random.default_rng(0).integers(0, 256, (40, 3, 8, 8), dtype=np.uint8), np.random.default_rng(1)
    )
    exact = bernoulli_nll_of(model, pixels, k=400, generator=torch.Generator().manual_seed(0))
    posterior = Posterior(_codes(500, 2), torch.full((500, 4), -2.0))
    information = measure_mutual_information(posterior, torch.Generator().manual_seed(0))
    generator = torch.Generator(device).manual_seed(1)
    found = bernoulli_nll_of(model.to(device), pixels, k=400, generator=generator)
    error = math.hypot(exact.draws_standard_error, found.draws_standard_error)
    assert found.nll.mean == pytest.approx(exact.nll.mean, abs=4 * error)
    there = measure_mutual_information(Posterior(*(each.to(device) for each in posterior)), generator)
    assert there.lower.mean == pytest.approx(information.lower.mean, abs=2 * information.lower.half_width)
    assert there.upper.mean == pytest.approx(information.upper.mean, rel=1e-9)


@pytest.mark.parametrize("device", DEVICES)
def test_traversals_move_as_far_everywhere(device: str) -> None:
    model, codes = build_model(SMALL).eval(), _codes(6, 3)
    exact = check_traversals(model, codes, dims=[0, 2], partners=codes.flip(0), floor=1e-9)
    there = codes.to(device)
    found = check_traversals(model.to(device), there, dims=[0, 2], partners=there.flip(0), floor=1e-9)
    for one, other in zip((*exact.units, *exact.pairs), (*found.units, *found.pairs), strict=True):
        assert other.moved == pytest.approx(one.moved, rel=0.01)
    assert prior_values(there, points=5).device == there.device


@pytest.mark.parametrize("device", DEVICES)
def test_the_traversals_of_an_evaluation_are_equal_everywhere(device: str) -> None:
    model, mu = build_model(SMALL).eval(), _codes(40, 4).numpy()
    exact = measure_traversals(model, mu, np.full_like(mu, -2.0), [0, 3], USUAL, seed=1, device="cpu")
    found = measure_traversals(model.to(device), mu, np.full_like(mu, -2.0), [0, 3], USUAL, seed=1, device=device)
    assert (found.n, found.units, found.pairs, found.still_dims) == (16, 2, 16, exact.still_dims)
    assert found.least_moved == pytest.approx(exact.least_moved, rel=0.01)
