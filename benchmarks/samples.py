"""How good samples of the default model are: a VQ-VAE and its prior over codes, on Fashion-MNIST.

    python -m benchmarks.samples --data FOLDER [--weights FILE.safetensors] [--quick] [--json FILE]

One thread: 120 CPU-seconds of training with the product's defaults, 300 of fitting the prior to the codes of the
training images. Then the product's own evaluation on the 10,000 test images: the Fréchet distance of as many samples
over that of the reconstructions, which no prior over these codes can bring below 1 by much. Beside it the same ratio of
codes drawn independently, each position by its own frequencies: what is left without a prior.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.command import add_weights, converted_weights, find_images, make_parser, measure_and_publish
from benchmarks.form import Result
from benchmarks.stopwatch import one_thread
from vae_core.config import Budget, TrainConfig
from vae_core.evaluation.benchmark import evaluate
from vae_core.evaluation.benchmark_result import BenchmarkResult, FrechetScore
from vae_core.evaluation.distances.frechet_ruler import FrechetRuler
from vae_core.evaluation.features.extractor import EfficientNetLite0, FeatureExtractor
from vae_core.evaluation.features.real_features import extract_real_features
from vae_core.evaluation.images.decoding import decode_pixels
from vae_core.families.registry import family_of
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.families.vq_vae.model import VqVae
from vae_core.inference import score_images
from vae_core.priors.code_prior_config import CodePriorConfig, CodePriorRecipe
from vae_core.priors.fit_code_prior import FittedCodePrior, fit_code_prior
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train
from vae_core.training.objectives.precision import resolve_precision

SEED = 0
CHUNK = 1_000
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Plan:
    """CPU seconds of training and of fitting the prior; n test images and as many samples; the bar."""

    train_cpu_s: float
    prior_cpu_s: float
    n: int
    limit: float | None = None


STANDARD = Plan(120, 300, 10_000, limit=2.0)
QUICK = Plan(10, 15, 2_000)


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A trained model, the codes (N, h, w) of its training images, and the prior fitted to them."""

    model: VqVae
    codes: np.ndarray
    fitted: FittedCodePrior
    steps: int
    train_cpu_s: float


def run(
    images: np.ndarray,
    test_images: np.ndarray,
    extractor: FeatureExtractor,
    plan: Plan,
    config: VqVaeConfig | None = None,
    prior_width: int = 128,
    clock: Clock = time.process_time,
) -> list[Result]:
    """Train on images (N, C, H, W) uint8, and measure on the first n of test images of the same kind."""
    with one_thread():
        made = make_model(images, plan, config or VqVaeConfig(), prior_width, clock)
        test = test_images[: plan.n]
        real = extract_real_features(test, extractor)
        begun = clock()
        found = evaluate(
            made.model,
            test,
            extractor=extractor,
            prior=made.fitted.prior,
            real_features=real,
            independent_features=extract_real_features(images[: len(test)], extractor),
            n_samples=plan.n,
            seed=SEED,
        )
        evaluate_cpu_s = clock() - begun
        drawn = draw_independently(made.codes, plan.n, np.random.default_rng(SEED))
        pixels = decode_pixels(made.model, torch.from_numpy(drawn))
        independent = FrechetRuler.of(real, extractor).measure_samples(extractor.extract(pixels))
    return [
        *distance_results(found, independent, plan),
        *model_results(found, made),
        Result.of("evaluate_cpu_s", evaluate_cpu_s, "CPU s"),
    ]


def make_model(images: np.ndarray, plan: Plan, config: VqVaeConfig, prior_width: int, clock: Clock) -> Made:
    """Train with the product's defaults, encode the training images, and fit the prior to their codes."""
    begun = clock()
    recipe = TrainConfig(budget=Budget(amount=plan.train_cpu_s, unit="seconds"), seed=SEED)
    result = train(TrainingData(images), config, recipe, Execution(clock, log_every=100))
    train_cpu_s, model = clock() - begun, family_of(result.model).with_codes(result.model)
    assert model is not None, "the config of this benchmark is a VQ-VAE's"
    codes = np.concatenate([find_codes(model, images[at : at + CHUNK]) for at in range(0, len(images), CHUNK)])
    fitted = fit_code_prior(
        codes,
        CodePriorConfig(grid=config.grid, codebook_size=config.codes, width=prior_width),
        CodePriorRecipe(budget=Budget(amount=plan.prior_cpu_s, unit="seconds")),
        seed=SEED,
        clock=clock,
    )
    return Made(model, codes, fitted, result.steps, train_cpu_s)


def find_codes(model: VqVae, pixels: np.ndarray) -> np.ndarray:
    """Codes (N, h, w) int32 of images (N, C, H, W) uint8."""
    return score_images(model, pixels).column("codes")


def draw_independently(codes: np.ndarray, n: int, generator: np.random.Generator) -> np.ndarray:
    """Draw n grids (n, h, w) int64, each position from the codes (N, h, w) that it has, blind to its neighbours."""
    rows = generator.integers(0, len(codes), size=(n, *codes.shape[1:]))
    drawn: np.ndarray = np.take_along_axis(codes, rows, axis=0).astype(np.int64)
    return drawn


def distance_results(found: BenchmarkResult, independent: FrechetScore, plan: Plan) -> list[Result]:
    """The bar, the distances that it is made of, and what independent codes give instead."""
    samples, reconstructions = found.fd_samples_codes, found.fd_reconstructions
    assert samples is not None
    kid, coverage, unit = found.kid_samples, found.coverage_samples, f"fd_{samples.feature_space}"
    results = [
        Result.of(
            "fd_samples_over_reconstructions",
            samples.value / reconstructions.value,
            "times",
            limit=plan.limit,
            n=samples.n_fake,
        ),
        Result.of("fd_samples", samples.value, unit, n=samples.n_fake),
        Result.of("fd_samples_standard_error", samples.standard_error, unit, n=samples.n_fake),
        Result.of("fd_reconstructions", reconstructions.value, unit, n=reconstructions.n_fake),
        Result.of("fd_reconstructions_standard_error", reconstructions.standard_error, unit, n=reconstructions.n_fake),
        Result.of("fd_floor", found.fd_floor.value, unit, n=found.fd_floor.n_fake),
        Result.of("fd_independent_codes", independent.value, unit, n=independent.n_fake),
        Result.of(
            "fd_independent_codes_over_reconstructions",
            independent.value / reconstructions.value,
            "times",
            n=independent.n_fake,
        ),
    ]
    if kid is not None and coverage is not None:
        results += [
            Result.of("kid_samples", kid.value, "MMD² (cubic)", n=kid.n_fake),
            Result.of("density_samples", coverage.density, "1", direction="higher", n=coverage.n_fake),
            Result.of("coverage_samples", coverage.coverage, "share", direction="higher", n=coverage.n_real),
        ]
    return results


def model_results(found: BenchmarkResult, made: Made) -> list[Result]:
    """What the model and its prior reached, and in which CPU time."""
    fitted, n = made.fitted, made.fitted.held_out_images
    return [
        Result.of("prior_nll", fitted.nll, "nats/image", n=n),
        Result.of("prior_nll_per_code", fitted.nll_per_code, "nats/code", n=n),
        Result.of("independent_nll", fitted.independent_nll, "nats/image", n=n),
        Result.of("codes_used", found.codes_used, "codes", direction="higher", n=found.n_images),
        Result.of("code_perplexity", found.code_perplexity, "codes", direction="higher", n=found.n_images),
        Result.of("code_distance", found.code_distance, "Euclidean", n=found.n_images),
        Result.of("recon_error", found.recon_error, "MSE", n=found.n_images),
        Result.of("steps", made.steps, "steps", direction="higher"),
        Result.of("train_cpu_s", made.train_cpu_s, "CPU s"),
        Result.of("prior_steps", fitted.steps, "steps", direction="higher"),
        Result.of("prior_cpu_s", fitted.seconds, "CPU s"),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; 1 when a bar is missed, 2 when there is no real image to measure on."""
    parser = make_parser("samples", __doc__, quick="10 and 15 CPU-seconds, 2,000 images, no bar")
    add_weights(parser)
    arguments = parser.parse_args(argv)

    def measure() -> list[Result]:
        images, test_images = find_images(arguments.data)
        with converted_weights(arguments.weights) as weights:
            extractor = EfficientNetLite0.load(weights, resolve_precision("auto", "cpu"))
            return run(images, test_images, extractor, QUICK if arguments.quick else STANDARD)

    return measure_and_publish("samples", measure, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
