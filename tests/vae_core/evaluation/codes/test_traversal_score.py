"""Traversals as a part of an evaluation: a healthy decoder passes, one that ignores a unit or jumps does not."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.vae_core.evaluation.codes.test_traversal_check import PixelVae
from tests.vae_core.linear_vae import LinearVae, PixelFeatures, draw_images
from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.evaluation.benchmark import evaluate
from vae_core.evaluation.benchmark_result import BenchmarkResult
from vae_core.evaluation.codes.traversal_check import FLOOR, check_traversals, prior_values
from vae_core.evaluation.codes.traversal_score import TraversalScore, measure_traversals
from vae_core.evaluation.effort import USUAL, thin_rows
from vae_core.families.conv_vae.model import ConvVae
from vae_core.families.conv_vae.protocol import Vae
from vae_core.images.preprocessing import to_unit
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train

N = 200
UNIT = 1


class BlockFeatures(PixelFeatures):
    """Of 8 x 8 images the means of blocks of four pixels, as many as `PixelFeatures` has."""

    def extract(self, pixels: np.ndarray) -> np.ndarray:
        return super().extract(pixels.reshape(-1, 1, 4, 2, 4, 2).mean((3, 5)))


class Step(torch.nn.Module):
    """Carries a unit from one end to the other within a hundredth of a deviation."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        moved = z.clone()
        moved[:, UNIT] = 2 * torch.tanh(300 * (z[:, UNIT] - 0.05))
        return moved


class StepVae(LinearVae):
    """Of its first pixel it knows only whether it is bright."""

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        bright = torch.where(z[:, :1] > 0, 5.0, -5.0)
        return super().decode(torch.cat([bright, z[:, 1:]], dim=1))


def _evaluate(model: Vae, pixels: np.ndarray) -> BenchmarkResult:
    extractor = PixelFeatures() if pixels.shape[-1] == 4 else BlockFeatures()
    return evaluate(model, pixels, extractor=extractor, prior=None, n_samples=50)


def _score(result: BenchmarkResult) -> TraversalScore:
    assert result.traversals is not None
    return result.traversals


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return boxes(N)


@pytest.fixture(scope="module")
def model() -> ConvVae:
    trained = train(TrainingData(boxes(400, seed=1)), TINY, recipe(250, learning_rate=5e-3), Execution(lambda: 0.0))
    assert isinstance(trained.model, ConvVae)
    return trained.model.eval()


@pytest.fixture(scope="module")
def healthy(model: ConvVae, pixels: np.ndarray) -> BenchmarkResult:
    return _evaluate(model, pixels)


def test_a_healthy_decoder_moves_every_active_unit_evenly(healthy: BenchmarkResult) -> None:
    found = _score(healthy)
    assert (found.n, found.units, found.pairs) == (16, healthy.active_units, 16)
    assert found.units >= 2
    assert (found.still_dims, found.jumping_dims, found.still_pairs, found.jumping_pairs) == ((), (), (), ())
    assert found.least_moved is not None and found.least_moved > 2 * found.floor
    assert found.largest_step is not None and 1 < found.largest_step < found.limit


def test_a_unit_that_the_encoder_fills_and_the_decoder_ignores_is_named(
    model: ConvVae, pixels: np.ndarray, healthy: BenchmarkResult
) -> None:
    deaf = copy.deepcopy(model)
    assert isinstance(deaf.from_code[0], torch.nn.Linear)
    with torch.no_grad():
        deaf.from_code[0].weight[:, UNIT] = 0
    result = _evaluate(deaf, pixels)
    assert (result.active_units, result.mu_variance_per_dim) == (healthy.active_units, healthy.mu_variance_per_dim)
    found = _score(result)
    assert (found.still_dims, found.jumping_dims, found.least_moved) == ((UNIT,), (), 0)
    assert found.units == healthy.active_units


def test_a_decoder_with_a_steep_step_is_named(model: ConvVae, pixels: np.ndarray, healthy: BenchmarkResult) -> None:
    steep = copy.deepcopy(model)
    steep.from_code.insert(0, Step())
    found = _score(_evaluate(steep, pixels))
    assert (found.still_dims, found.jumping_dims) == ((), (UNIT,))
    assert found.largest_step is not None and found.largest_step > found.limit


def test_lines_that_cross_a_step_are_named_by_the_rows_of_their_images() -> None:
    images, model = draw_images(N), StepVae((16.0, 16.0, 0.0))
    found = _score(_evaluate(model, images))
    bright = to_unit(images).flatten(1)[:, 0] > 0.5
    rows = thin_rows(N, 16)
    assert found.jumping_dims == (0,) and found.still_pairs == ()
    assert 0 < len(found.jumping_pairs) < found.pairs == 16
    for a, b in found.jumping_pairs:
        assert a in rows and b in rows and bright[a] != bright[b]
    assert _score(_evaluate(LinearVae((16.0, 16.0, 0.0)), images)).jumping_pairs == ()


def test_a_model_without_any_active_unit_is_told_so_and_not_refused() -> None:
    result = _evaluate(LinearVae((0.0, 0.0)), draw_images(N))
    found = _score(result)
    assert result.active_units == found.units == 0
    assert found.least_moved is None and found.largest_step is None and found.still_dims == ()
    # one picture for every code
    assert len(found.still_pairs) == found.pairs == 16 and found.largest_step_pair is None
    assert len({frozenset(pair) for pair in found.still_pairs}) == 16
    assert sorted(row for pair in found.still_pairs for row in pair) == sorted(2 * thin_rows(N, 16).tolist())
    metrics = result.metrics()
    assert metrics["traversal_n16_units"] == 0 and metrics["interpolation_n16_still"] == 16
    assert "traversal_n16_least_moved" not in metrics


def test_a_unit_goes_as_far_as_its_own_codes_lie() -> None:
    images = draw_images(2_000)
    moved = []
    for gain in (16.0, 160.0):
        posterior = LinearVae((gain,)).encode(to_unit(images))
        mu, logvar = (each.numpy() for each in posterior)
        moved.append(measure_traversals(LinearVae((gain,)), mu, logvar, [0], USUAL, seed=0, device="cpu").least_moved)
    # one pixel of 16 travels over its 175 grey levels, and up to three deviations of the posterior to each side
    assert moved[1] == pytest.approx(175 / 255 / 4, rel=0.02)
    assert 175 / 255 / 4 < moved[0] < (175 / 255 + 6 * 0.5 / 16) / 4


def test_a_hardly_active_unit_is_judged_by_what_its_posteriors_reach_not_by_its_means() -> None:
    generator = np.random.default_rng(0)
    mu = np.pad(0.11 * generator.standard_normal((N, 1)), ((0, 0), (0, 5))).astype(np.float32)
    model = PixelVae(lambda z: 0.005 * z)
    found = measure_traversals(model, mu, np.zeros_like(mu), [0], USUAL, seed=0, device="cpu")
    # one pixel of four moves by 0.005 a deviation, six deviations far
    assert found.least_moved == pytest.approx(0.005 * 6 * np.sqrt(1 + 0.11**2) / 2, rel=0.1)
    assert found.still_dims == ()
    codes = torch.from_numpy(mu)
    assert check_traversals(model, codes, [0], values=prior_values(codes)).still_dims == (0,)


@pytest.mark.parametrize(
    ("n", "codes", "paths", "expected"), [(N, 16, 20, 10), (N, 16, 2, 4), (3, 16, 99, 3), (2, 16, 99, 2)]
)
def test_many_units_are_walked_from_fewer_codes(n: int, codes: int, paths: int, expected: int) -> None:
    mu = np.random.default_rng(0).standard_normal((n, 6)).astype(np.float32)
    effort = replace(USUAL, traversal_codes=codes, traversal_paths=paths)
    found = measure_traversals(PixelVae(lambda z: 0.1 * z), mu, np.zeros_like(mu), [0, 1], effort, seed=0, device="cpu")
    assert (found.n, found.pairs, found.still_dims) == (expected, expected, (1,))


def test_the_same_arguments_give_the_same_score_and_no_generator_of_others_moves() -> None:
    mu = np.random.default_rng(0).standard_normal((N, 6)).astype(np.float32)
    before = torch.get_rng_state()
    first, again, other = (
        measure_traversals(PixelVae(torch.tanh), mu, np.zeros_like(mu), [0], USUAL, seed=seed, device="cpu")
        for seed in (3, 3, 4)
    )
    assert first == again != other
    assert torch.equal(torch.get_rng_state(), before)


def test_the_score_is_kept_and_told_and_an_older_result_has_none(healthy: BenchmarkResult) -> None:
    assert BenchmarkResult.model_validate_json(healthy.model_dump_json()) == healthy
    found, metrics = _score(healthy), healthy.metrics()
    assert metrics["traversal_n16_units"] == found.units and metrics["traversal_n16_units_jumping"] == 0
    assert metrics["traversal_n16_least_moved"] == found.least_moved > FLOOR
    assert metrics["interpolation_n16_largest_step"] == found.largest_step_pair
    older = BenchmarkResult.model_validate_json(healthy.model_dump_json(exclude={"traversals"}))
    assert older == healthy.model_copy(update={"traversals": None})
    assert {name for name in metrics if name.startswith(("traversal", "interpolation"))} == set(metrics) - set(
        older.metrics()
    )


def test_the_ends_of_many_units_are_their_quantiles() -> None:
    draws = torch.randn((500, 130), generator=torch.Generator().manual_seed(0))
    values = prior_values(draws, points=3, span=1.0).numpy()
    expected = np.quantile(draws.numpy().astype(float), [0.158655254, 0.841344746], axis=0)
    np.testing.assert_allclose(values[[0, 2]], expected, rtol=1e-5)
    np.testing.assert_allclose(values[1], expected.mean(0), atol=1e-6)
