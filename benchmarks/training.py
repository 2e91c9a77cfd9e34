"""What our trainer costs beside a bare loop on the same network, and beside pythae's trainer, on one thread.

    python -m benchmarks.training --data FOLDER [--quick] [--json FILE]

Fashion-MNIST, convolutions of 32 and 64 channels, batches of 128; the VAE has 32 latents, the VQ-VAE 7 x 7 codes of
512, whose codebook is the same in our trainer and in the bare loop (`benchmarks.vq` compares codebooks). Each round
trains every contestant anew on the same images: some steps to warm up, then the timed ones, in CPU seconds. Ours has
everything on that watches a training: finite loss and gradients before each step, collapse or unused codes, a report
every 25 steps, held-out images every 50. The bare loop has nothing but the same forward pass, loss, backward pass and
fused Adam on the same uint8 tensor. pythae 0.1.2 has the same layers, its own loaders and its own codebook. Ratios are
taken round by round.
"""

from __future__ import annotations

import argparse
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
from vae_core.config import Budget, ConvVaeConfig, ModelConfig, TrainConfig
from vae_core.training.loop import train
from vae_core.training.precision import Precision, resolve_precision
from vae_core.training.progress import TrainProgress
from vae_core.vq_config import VqVaeConfig

BATCH, HELD_OUT, VALIDATE_EVERY, LOG_EVERY = 128, 200, 50, 25
WARMUP_STEPS = 25
OVERHEAD_LIMIT, BF16_LIMIT, PYTHAE_LIMIT, VQ_PYTHAE_LIMIT = 1.05, 1.6, 1.9, 1.6

Contestant = Callable[[], float]


def run(images: np.ndarray, held_out: np.ndarray, steps: int, rounds: int) -> list[Result]:
    """Compare on images and held_out uint8 (N, 1, H, W), N at least the images of all steps."""
    height, width = images.shape[2:]
    models: dict[str, ModelConfig] = {
        "vae": ConvVaeConfig(height=height, width=width),
        "vq": VqVaeConfig(height=height, width=width),
    }
    has_bf16 = resolve_precision("auto", "cpu") == "bf16"
    precisions: tuple[Precision, ...] = ("fp32", "bf16") if has_bf16 else ("fp32",)
    contestants: dict[str, Contestant] = {}
    for kind, model in models.items():
        contestants[f"pythae_{kind}"] = partial(
            time_pythae, images, model, BATCH, warmup_steps=WARMUP_STEPS, steps=steps
        )
        for precision in precisions:
            contestants |= _pair(kind, images, held_out, model, precision, steps)
    with one_thread():
        seconds = measure_rounds(contestants, rounds)
    return all_results(seconds, steps, has_bf16)


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
        images,
        model,
        config,
        clock=time.process_time,
        checkpoint_folder=None,
        on_progress=stamp,
        log_every=LOG_EVERY,
        held_out=held_out,
    )
    return stamps[WARMUP_STEPS + steps] - stamps[WARMUP_STEPS]


def measure_rounds(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, list[float]]:
    """CPU seconds that each contestant tells, once a round, so that a busy moment meets all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            seconds[name].append(contestant())
    return seconds


def all_results(seconds: Mapping[str, Sequence[float]], steps: int, has_bf16: bool) -> list[Result]:
    """Speeds, and the ratios with their bars; the overheads in the precision that this processor trains in."""
    ours = "bf16" if has_bf16 else "fp32"
    speeds = {name: [steps * BATCH / each for each in times] for name, times in seconds.items()}

    def ratio(name: str, over: str, under: str, limit: float | None = None, *, higher: bool = True) -> Result:
        values = ratios(seconds, over, under)
        return Result.of(name, values, "times", limit=limit, direction="higher" if higher else "lower")

    results = [
        *(Result.of(f"{name}_speed", values, "images/CPU s", direction="higher") for name, values in speeds.items()),
        ratio("overhead_vae", f"vae_{ours}", f"bare_vae_{ours}", OVERHEAD_LIMIT, higher=False),
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


def main() -> int:
    """Parse, run, print; 1 when a bar is missed, 2 when the images or the peer are missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="folder with the idx files of Fashion-MNIST")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 50 steps instead of 9 of 150")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    arguments = parser.parse_args()
    steps, rounds = (50, 3) if arguments.quick else (150, 9)
    try:
        if arguments.data is None:
            raise DataMissing("--data FOLDER is missing; what a step costs depends on real images")
        images = find_idx_images(arguments.data, "train")[: (WARMUP_STEPS + steps) * BATCH]
        held_out = find_idx_images(arguments.data, "t10k")[:HELD_OUT]
        results = run(images, held_out, steps, rounds)
    except (DataMissing, PeerMissing) as error:
        print(f"training: {error}", file=sys.stderr)
        return 2
    return publish_report(make_report("training", results), arguments.json)


if __name__ == "__main__":
    sys.exit(main())
