"""What noise and KL cost, and whether they pay: an autoencoder beside VAEs of the same network, on Fashion-MNIST.

    python -m benchmarks.baseline --data FOLDER [--weights FILE.safetensors] [--quick] [--json FILE]

One thread, and 120 CPU-seconds of the product's defaults for each, as long as the VQ-VAE of `samples` trains: the same
convolutions, a code of 32 numbers, and for all of them a mixture of ten Gaussians, fitted to the codes of 10,000
training images, out of which samples are drawn (Ghosh et al. 2020, "From Variational to Deterministic Autoencoders",
section 4).
`ae` and `ae_penalised` descend on the Bernoulli's NLL as `vae` does, without noise and KL, the second with a penalty on
the length of its codes in their place; `sigma_vae` has a Gaussian likelihood with one fitted variance. Errors and
Fréchet distances are those of the 10,000 test images, and of as many samples against them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.command import add_weights, converted_weights, find_images, make_parser, measure_and_publish
from benchmarks.form import Result
from benchmarks.stopwatch import one_thread
from vae_core.config import Budget, TrainConfig
from vae_core.evaluation.benchmark_scores import FrechetScore
from vae_core.evaluation.distances.frechet_ruler import FrechetRuler
from vae_core.evaluation.features.extractor import EfficientNetLite0, FeatureExtractor
from vae_core.evaluation.features.real_features import extract_real_features
from vae_core.evaluation.images.decoding import decode_pixels, quantize
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.registry import family_of
from vae_core.families.variants import ImageModel
from vae_core.inference import score_images
from vae_core.priors.gaussian_mixture import MAX_FIT_CODES, fit_mixture
from vae_core.priors.posterior import sample_posterior
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train
from vae_core.training.objectives.precision import resolve_precision

SEED = 0
AT_ONCE = 512
CODE_PENALTY = 1.0
"""As much as the KL's own term for the mean asks: a Gaussian N(0, 1) over every number of a code."""


@dataclass(frozen=True, slots=True)
class Plan:
    """CPU seconds of each training; n test images and as many samples."""

    train_cpu_s: float
    n: int


STANDARD, QUICK = Plan(120, 10_000), Plan(10, 2_000)


@dataclass(frozen=True, slots=True)
class Row:
    """What one kind of model reached, in which CPU seconds."""

    recon_error: float
    reconstructions: FrechetScore
    samples: FrechetScore
    steps: int
    train_cpu_s: float


def rows_of(network: ConvVaeConfig) -> dict[str, ConvAeConfig | ConvVaeConfig]:
    """Every kind of model that the benchmark trains, of this network."""
    return {
        "ae": ConvAeConfig(network=network),
        "ae_penalised": ConvAeConfig(network=network, code_penalty=CODE_PENALTY),
        "vae": network,
        "sigma_vae": network.model_copy(update={"likelihood": "gaussian"}),
    }


def run(
    images: np.ndarray,
    test_images: np.ndarray,
    extractor: FeatureExtractor,
    plan: Plan,
    network: ConvVaeConfig | None = None,
) -> list[Result]:
    """Train every kind on images (N, C, H, W) uint8, and measure on the first n of test images of the same kind."""
    test = test_images[: plan.n]
    with one_thread():
        ruler = FrechetRuler.of(extract_real_features(test, extractor), extractor)
        configs = rows_of(network or ConvVaeConfig())
        rows = {name: train_row(config, images, test, ruler, plan) for name, config in configs.items()}
    return [result for name, row in rows.items() for result in row_results(name, row, rows["vae"], plan.n)]


def train_row(
    config: ConvAeConfig | ConvVaeConfig, images: np.ndarray, test: np.ndarray, ruler: FrechetRuler, plan: Plan
) -> Row:
    """Train one kind with the product's defaults, fit the density of its codes, and measure."""
    begun = time.process_time()
    recipe = TrainConfig(budget=Budget(amount=plan.train_cpu_s, unit="seconds"), seed=SEED)
    result = train(TrainingData(images), config, recipe, Execution(time.process_time, log_every=100))
    train_cpu_s, model = time.process_time() - begun, result.model
    mixture = fit_mixture(draw_codes(model, images[:MAX_FIT_CODES]), seed=SEED)
    z = mixture.sample(plan.n, torch.Generator().manual_seed(SEED))
    scores = score_images(model, test)
    return Row(
        recon_error=float(scores.recon_error.mean(dtype=np.float64)),
        reconstructions=ruler.measure_reconstructions(extract(ruler, quantize(scores.reconstruction))),
        samples=ruler.measure_samples(extract(ruler, decode_pixels(model, z))),
        steps=result.steps,
        train_cpu_s=train_cpu_s,
    )


def draw_codes(model: ImageModel, pixels: np.ndarray) -> torch.Tensor:
    """Codes (N, D) that the decoder has learned to read: draws from the posteriors, or an autoencoder's own codes."""
    scores = score_images(model, pixels)
    if family_of(model).with_posterior(model) is None:
        return torch.from_numpy(scores.mu)
    return sample_posterior(scores.mu, scores.column("logvar"), torch.Generator().manual_seed(SEED))


def extract(ruler: FrechetRuler, pixels: np.ndarray) -> np.ndarray:
    """Features (N, F) of images uint8, in the ruler's space."""
    starts = range(0, len(pixels), AT_ONCE)
    return np.concatenate([ruler.extractor.extract(pixels[at : at + AT_ONCE]) for at in starts])


def row_results(name: str, row: Row, vae: Row, n: int) -> list[Result]:
    """Figures of a kind of model, and their ratios to those of the VAE."""
    unit = f"fd_{row.samples.feature_space}"
    results = [
        Result.of(f"{name}_recon_error", row.recon_error, "MSE", n=n),
        Result.of(f"{name}_fd_reconstructions", row.reconstructions.value, unit, n=n),
        Result.of(f"{name}_fd_samples", row.samples.value, unit, n=n),
        Result.of(f"{name}_fd_samples_standard_error", row.samples.standard_error, unit, n=n),
        Result.of(
            f"{name}_fd_samples_over_reconstructions", row.samples.value / row.reconstructions.value, "times", n=n
        ),
        Result.of(f"{name}_steps", row.steps, "steps", direction="higher"),
        Result.of(f"{name}_train_cpu_s", row.train_cpu_s, "CPU s"),
    ]
    if row is not vae:
        results += [
            Result.of(f"{name}_recon_error_over_vae", row.recon_error / vae.recon_error, "times", n=n),
            Result.of(f"{name}_fd_samples_over_vae", row.samples.value / vae.samples.value, "times", n=n),
        ]
    return results


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; 2 when there is no real image to measure on. There are no bars."""
    parser = make_parser("baseline", __doc__, quick="10 CPU-seconds each, 2,000 images")
    add_weights(parser)
    arguments = parser.parse_args(argv)

    def measure() -> list[Result]:
        images, test_images = find_images(arguments.data)
        with converted_weights(arguments.weights) as weights:
            extractor = EfficientNetLite0.load(weights, resolve_precision("auto", "cpu"))
            return run(images, test_images, extractor, QUICK if arguments.quick else STANDARD)

    return measure_and_publish("baseline", measure, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
