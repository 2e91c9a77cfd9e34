"""How well the VAE models Fashion-MNIST after a given time: -ELBO and NLL under dynamic binarization.

    python -m benchmarks.likelihood --data FOLDER [--quick | --long] [--json FILE]

One thread, bf16 where the processor has it, 300 CPU-seconds for the whole training (the drawing of the binary images
included), N(0, I) prior. The encoder is shown what it is to explain: binary images in training and test alike. Shown
grey ones in both, as in the product, the same network is 2 to 3 nats behind after 60 to 90 s: its code cannot depend on
the draw that it has to explain.

The training images are binarized several times in advance; an epoch shows every one of those drawings once. The test
images are binarized once. `--long` takes an hour, and k = 1,000 on 2,000 images: beside it stand the published figures
of a VAE with the same prior and of one with a VampPrior (both by Norouzi, Fleet & Norouzi 2020, "Exemplar VAE"),
both after much longer trainings.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from benchmarks.form import Result, make_report, publish_report
from benchmarks.idx_images import DataMissing, find_idx_images
from benchmarks.stopwatch import one_thread
from vae_core.config import Budget, TrainConfig
from vae_core.errors import VaeCoreError
from vae_core.evaluation.likelihood.binarize import binarize
from vae_core.evaluation.likelihood.model_nll import bernoulli_nll_of
from vae_core.evaluation.mean_estimate import MeanEstimate, estimate_mean
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.conv_vae.model import reparameterize
from vae_core.families.conv_vae.protocol import Posterior
from vae_core.families.registry import family_of
from vae_core.images.preprocessing import to_unit
from vae_core.losses import bernoulli_nll, kl_divergence
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train
from vae_core.training.result import TrainResult

MODEL = ConvVaeConfig(widths=(), hidden=(500, 300), latent_dim=32)
"""Dense layers alone: on this size of image they are 3.8 nats of -ELBO ahead of convolutions of 32 and 64 channels
after 300 CPU-seconds, because a step costs a third of theirs."""

BATCH_SIZE = 256
LEARNING_RATE, FINAL_LEARNING_RATE = 2e-3, 1e-5
"""A higher and a longer fall than the product's 1e-3 to 3e-4."""

SETUP_S = 3.0
"""Of the budget, kept for what `train` does before its first step and after its last."""

PUBLISHED = {"published_vae_nll": 228.70, "published_vampprior_nll": 227.35}
SEED = 0
IMAGES_AT_ONCE = 500


class Codec(Protocol):
    """Whatever has a Gaussian posterior and a Bernoulli decoder, ours or a peer's."""

    def encode(self, x: torch.Tensor) -> Posterior:
        """Infer the posterior of images x (B, C, H, W) on [0, 1]."""
        ...

    def decode_logits(self, z: torch.Tensor) -> torch.Tensor:
        """Decode codes z (B, D) to the logits of the mean image (B, C, H, W) float32."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to train, on how many drawings of each image, what to measure, and the bars."""

    name: str
    cpu_s: float
    drawings: int
    k: int
    nll_images: int
    neg_elbo_limit: float | None = None
    nll_limit: float | None = None
    setup_s: float = SETUP_S


STANDARD = Plan("300s", 300, drawings=8, k=100, nll_images=1_000, neg_elbo_limit=236.0, nll_limit=233.5)
QUICK = Plan("300s", 20, drawings=1, k=100, nll_images=200)
LONG = Plan("long", 3_600, drawings=24, k=1_000, nll_images=2_000)


def run(images: np.ndarray, test_images: np.ndarray, plan: Plan) -> list[Result]:
    """Train on images (N, 1, 28, 28) uint8, measure on binarized test images of the same kind."""
    with one_thread():
        result, train_cpu_s = train_on_drawings(images, plan)
        binary = binarize(test_images, np.random.default_rng([SEED, 1]))
        model = family_of(result.model).with_posterior(result.model)
        assert model is not None, "the config of this benchmark is a VAE's"
        neg_elbo, kl = measure_neg_elbo(model, binary)
        nll = bernoulli_nll_of(
            model, binary[: plan.nll_images], k=plan.k, generator=torch.Generator().manual_seed(SEED)
        )
    name = plan.name
    return [
        Result.of(f"neg_elbo_{name}", neg_elbo.mean, "nats", limit=plan.neg_elbo_limit, n=neg_elbo.n),
        Result.of(f"neg_elbo_{name}_half_width", neg_elbo.half_width, "nats", n=neg_elbo.n),
        Result.of(f"nll_{name}", nll.nll.mean, "nats", limit=plan.nll_limit, n=nll.n),
        Result.of(f"nll_{name}_half_width", nll.nll.half_width, "nats", n=nll.n),
        Result.of(f"nll_{name}_draws_standard_error", nll.draws_standard_error, "nats", n=nll.n),
        Result.of(f"effective_samples_of_{plan.k}", nll.ess_mean, "samples", direction="higher", n=nll.n),
        Result.of("kl", kl.mean, "nats", direction="higher", n=kl.n),
        Result.of("train_cpu_s", train_cpu_s, "CPU s", limit=plan.cpu_s if plan.nll_limit else None),
        Result.of("steps", result.steps, "steps", direction="higher"),
        Result.of("images_per_cpu_s", result.steps * BATCH_SIZE / train_cpu_s, "1/s", direction="higher"),
        *(Result.of(published, value, "nats") for published, value in PUBLISHED.items()),
    ]


def train_on_drawings(images: np.ndarray, plan: Plan) -> tuple[TrainResult, float]:
    """Draw and train within the plan's CPU seconds; what came out, and the seconds that all of it took."""
    begun = time.process_time()
    generator = np.random.default_rng([SEED, 0])
    drawings = draw_binary(images, plan.drawings, generator)
    left_s = plan.cpu_s - plan.setup_s - (time.process_time() - begun)
    config = training_config(Budget(amount=left_s, unit="seconds"))
    result = train(TrainingData(drawings), MODEL, config, Execution(time.process_time, log_every=100))
    return result, time.process_time() - begun


def draw_binary(images: np.ndarray, drawings: int, generator: np.random.Generator) -> np.ndarray:
    """Binarize images (N, C, H, W) uint8 several times: (drawings · N, C, H, W)."""
    return np.concatenate([binarize(images, generator) for _ in range(drawings)])


def training_config(budget: Budget) -> TrainConfig:
    """The recipe of this benchmark for such a budget."""
    return TrainConfig(
        budget=budget,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        final_learning_rate=FINAL_LEARNING_RATE,
        seed=SEED,
    )


@torch.inference_mode()
def measure_neg_elbo(model: Codec, images: np.ndarray, device: str = "cpu") -> tuple[MeanEstimate, MeanEstimate]:
    """Mean -ELBO and mean KL of images (N, C, H, W) uint8, nats per image: one draw of z, the KL analytic.

    The model is on the device. Grey images stand for the expectation over their binarizations.
    """
    generator = torch.Generator(device).manual_seed(SEED)
    neg_elbos, kls = [], []
    for start in range(0, len(images), IMAGES_AT_ONCE):
        x = to_unit(images[start : start + IMAGES_AT_ONCE]).to(device)
        posterior = model.encode(x)
        kl = kl_divergence(*posterior).sum(1)
        neg_elbos.append(bernoulli_nll(model.decode_logits(reparameterize(posterior, generator)), x) + kl)
        kls.append(kl)
    return estimate_mean(torch.cat(neg_elbos).cpu()), estimate_mean(torch.cat(kls).cpu())


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; 1 when a bar is missed, 2 when there is no real image to measure on."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.likelihood", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="folder with the idx files of Fashion-MNIST")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="20 CPU-seconds, k = 100 on 200 images, no bars")
    length.add_argument("--long", action="store_true", help="an hour of CPU, k = 1,000 on 2,000 images, 1.2 GB")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    arguments = parser.parse_args(argv)
    plan = QUICK if arguments.quick else LONG if arguments.long else STANDARD
    try:
        if arguments.data is None:
            raise DataMissing("--data FOLDER is missing; synthetic images would say nothing about a likelihood")
        images, test_images = find_idx_images(arguments.data, "train"), find_idx_images(arguments.data, "t10k")
        results = run(images, test_images, plan)
    except (DataMissing, VaeCoreError) as error:
        print(f"likelihood: {error}", file=sys.stderr)
        return 2
    return publish_report(make_report("likelihood", results), arguments.json)


if __name__ == "__main__":
    sys.exit(main())
