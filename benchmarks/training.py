"""What our trainer costs beside a bare loop on the same network, and beside pythae's trainer, on one thread.

    python -m benchmarks.training --data FOLDER [--quick] [--json FILE]

Fashion-MNIST, convolutions of 32 and 64 channels, batches of 128; the VAE has 32 latents, the VQ-VAE 7 x 7 codes of
512, whose codebook is the same in our trainer and in the bare loop (`benchmarks.vq` compares codebooks). Each round
trains every contestant anew on the same images: some steps to warm up, then the timed ones, in CPU seconds. Ours has
everything on that watches a training: finite loss and gradients before each step, collapse or unused codes, a report
every 25 steps, held-out images every 50. What a full retraining of a VAE inspects more seldom (bounds on the
information of 10,000 images, the KL of its snapshots) is timed by itself, and `overhead_vae` has its share of the bare
loop's time over 40 epochs of 60,000 images, `inspections_vae`. The early-warning twin is a training of its own and not
among it. The bare loop has nothing but the same forward pass, loss, backward pass and
fused Adam on the same uint8 tensor. pythae 0.1.2 has the same layers, its own loaders and its own codebook. Ratios are
taken round by round.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.bare_loop import time_bare
from benchmarks.form import Result, make_report, publish_report
from benchmarks.idx_images import DataMissing, find_idx_images
from benchmarks.peers.load import PeerMissing
from benchmarks.peers.pythae import time_pythae
from benchmarks.stopwatch import one_thread
from deploy.configuration.training import full_recipe
from vae_core.config import Budget, TrainConfig
from vae_core.families.build import build_model
from vae_core.families.configs import ModelConfig
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.registry import family_of
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.images.preprocessing import to_unit
from vae_core.training.data.held_out import IMAGES_AT_ONCE
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.health.information import KL_IMAGES, measure_information, measure_mean_kl
from vae_core.training.health.progress import TrainProgress
from vae_core.training.loop import train
from vae_core.training.objectives.precision import Precision, resolve_precision

BATCH, HELD_OUT, VALIDATE_EVERY, LOG_EVERY = 128, 200, 50, 25
FULL_IMAGES = 60_000
WARMUP_STEPS = 25
OVERHEAD_LIMIT, BF16_LIMIT, PYTHAE_LIMIT, VQ_PYTHAE_LIMIT = 1.05, 1.6, 1.9, 1.6

Contestant = Callable[[], float]


def run(
    images: np.ndarray,
    held_out: np.ndarray,
    inspected: np.ndarray,
    steps: int,
    rounds: int,
    time_peer: Callable[..., float] = time_pythae,
) -> list[Result]:
    """Compare on images, held_out and inspected uint8 (N, 1, H, W), N at least the images of all steps."""
    height, width = images.shape[2:]
    models: dict[str, ModelConfig] = {
        "vae": ConvVaeConfig(height=height, width=width),
        "vq": VqVaeConfig(height=height, width=width),
    }
    has_bf16 = resolve_precision("auto", "cpu") == "bf16"
    precisions: tuple[Precision, ...] = ("fp32", "bf16") if has_bf16 else ("fp32",)
    contestants: dict[str, Contestant] = {}
    for kind, model in models.items():
        contestants[f"pythae_{kind}"] = partial(time_peer, images, model, BATCH, warmup_steps=WARMUP_STEPS, steps=steps)
        for precision in precisions:
            contestants |= _pair(kind, images, held_out, model, precision, steps)
    with one_thread():
        seconds = measure_rounds(contestants, rounds)
        inspections_s = [time_inspections(inspected, models["vae"]) for _ in range(rounds)]
    return all_results(seconds, inspections_s, steps, has_bf16)


def _pair(
    kind: str, images: np.ndarray, held_out: np.ndarray, model: ModelConfig, precision: Precision, steps: int
) -> dict[str, Contestant]:
    """Our trainer and the bare loop in one precision."""
    return {
        f"{kind}_{precision}": lambda: time_ours(images, held_out, model, precision, steps),
        f"bare_{kind}_{precision}": lambda: time_bare(
            images, model, precision, BATCH, warmup_steps=WARMUP_STEPS, steps=steps
        ),
    }


def time_ours(images: np.ndarray, held_out: np.ndarray, model: ModelConfig, precision: Precision, steps: int) -> float:
    """CPU seconds of our trainer from the end of the warm-up to the last step; steps are whole reports."""
    stamps: dict[int, float] = {}

    def stamp(progress: TrainProgress) -> None:
        stamps[progress.step] = time.process_time()

    config = TrainConfig(
        budget=Budget(amount=WARMUP_STEPS + steps, unit="steps"),
        batch_size=BATCH,
        precision=precision,
        validate_every_steps=VALIDATE_EVERY,
    )
    train(
        TrainingData(images, held_out=held_out),
        model,
        config,
        Execution(time.process_time, on_progress=stamp, log_every=LOG_EVERY),
    )
    return stamps[WARMUP_STEPS + steps] - stamps[WARMUP_STEPS]


def time_inspections(images: np.ndarray, config: ModelConfig) -> float:
    """CPU seconds of all that a full retraining of FULL_IMAGES inspects: looks at the information, KLs of snapshots."""
    recipe, model = full_recipe(), family_of(config).with_posterior(build_model(config).eval())
    assert model is not None, "only a VAE has a KL"
    batches = [to_unit(images[at : at + IMAGES_AT_ONCE]) for at in range(0, len(images), IMAGES_AT_ONCE)]
    begun = time.process_time()
    measure_information(model, batches, 0, 0)
    looked = time.process_time()
    measure_mean_kl(model, batches[: math.ceil(KL_IMAGES / IMAGES_AT_ONCE)])
    ended = time.process_time()
    looks = full_steps() // recipe.mutual_information_every_steps + 1  # and one at the end
    return looks * (looked - begun) + recipe.snapshots * (ended - looked)


def full_steps() -> int:
    """Steps of a full retraining by the product's recipe."""
    return int(full_recipe().budget.amount) * (FULL_IMAGES // BATCH)


def measure_rounds(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, list[float]]:
    """CPU seconds that each contestant tells, once a round, so that a busy moment meets all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            seconds[name].append(contestant())
    return seconds


def all_results(
    seconds: Mapping[str, Sequence[float]], inspections_s: Sequence[float], steps: int, has_bf16: bool
) -> list[Result]:
    """Speeds, and the ratios with their bars; the overheads in the precision that this processor trains in."""
    ours = "bf16" if has_bf16 else "fp32"
    speeds = {name: [steps * BATCH / each for each in times] for name, times in seconds.items()}

    def ratio(name: str, over: str, under: str, limit: float | None = None, *, higher: bool = True) -> Result:
        values = ratios(seconds, over, under)
        return Result.of(name, values, "times", limit=limit, direction="higher" if higher else "lower")

    bare, loop = seconds[f"bare_vae_{ours}"], ratios(seconds, f"vae_{ours}", f"bare_vae_{ours}")
    inspections = [each / (full_steps() * one / steps) for each, one in zip(inspections_s, bare, strict=True)]
    whole = [each + share for each, share in zip(loop, inspections, strict=True)]
    results = [
        *(Result.of(f"{name}_speed", values, "images/CPU s", direction="higher") for name, values in speeds.items()),
        Result.of("inspections_vae", inspections, "share"),
        Result.of("overhead_vae", whole, "times", limit=OVERHEAD_LIMIT),
        ratio("overhead_vae_fp32", "vae_fp32", "bare_vae_fp32", higher=False),
        ratio("overhead_vq", f"vq_{ours}", f"bare_vq_{ours}", OVERHEAD_LIMIT, higher=False),
        ratio("vq_vs_pythae", "pythae_vq", f"vq_{ours}", VQ_PYTHAE_LIMIT),
    ]
    if not has_bf16:
        names = ("vae_bf16_vs_fp32", "vae_bf16_vs_pythae")
        return results + [Result.of(name, None, "times", direction="higher") for name in names]
    return [
        *results,
        ratio("vae_bf16_vs_fp32", "vae_fp32", "vae_bf16", BF16_LIMIT),
        ratio("vae_bf16_vs_pythae", "pythae_vae", "vae_bf16", PYTHAE_LIMIT),
        ratio("vq_bf16_vs_fp32", "vq_fp32", "vq_bf16"),
    ]


def ratios(seconds: Mapping[str, Sequence[float]], over: str, under: str) -> list[float]:
    """How many times as long the one took as the other, round by round."""
    return [one / other for one, other in zip(seconds[over], seconds[under], strict=True)]


def main(argv: Sequence[str] | None = None, measure: Callable[..., list[Result]] = run) -> int:
    """Parse, run, print; 1 when a bar is missed, 2 when the images or the peer are missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="folder with the idx files of Fashion-MNIST")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 50 steps instead of 9 of 150")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    arguments = parser.parse_args(argv)
    steps, rounds = (50, 3) if arguments.quick else (150, 9)
    try:
        if arguments.data is None:
            raise DataMissing("--data FOLDER is missing; what a step costs depends on real images")
        images = find_idx_images(arguments.data, "train")[: (WARMUP_STEPS + steps) * BATCH]
        test_images = find_idx_images(arguments.data, "t10k")
        results = measure(images, test_images[:HELD_OUT], test_images, steps, rounds)
    except (DataMissing, PeerMissing) as error:
        print(f"training: {error}", file=sys.stderr)
        return 2
    return publish_report(make_report("training", results), arguments.json)


if __name__ == "__main__":
    sys.exit(main())
