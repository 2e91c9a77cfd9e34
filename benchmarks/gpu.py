"""What training and likelihoods cost on a GPU, beside a bare loop captured as a CUDA graph and pythae on the same card.

    python -m benchmarks.gpu --data FOLDER [--quick] [--json FILE]

Without a CUDA device it says so in one line, measures nothing and ends with exit code 0: its table is then empty.

Seconds are those of the wall, with the device synchronised before each reading; rounds are interleaved, each trains
every contestant anew on Fashion-MNIST, in batches of 128: the VAE and the VQ-VAE of `benchmarks.training` at 28 px, and
at 64 px on the same images, enlarged as the product's preprocessing does it (Pillow's bicubic filter, antialiased).
Ours reports, watches for collapse and looks at held-out images, as in `benchmarks.training`. `captured` is the bare
loop with its whole step in one CUDA graph, the data on the device; `eager` the same step launched kernel by kernel;
`pythae` its trainer, whose images wait in the processor's memory. Ours, captured and eager compute in bf16 where the
card does, pythae in float32, its default. A ratio says how many times as many images a second ours trains on. Peak
memory is that of one contestant's tensors, the data included where they are on the device.

-ELBO after 60 s of training each: convolutions of 32 and 64 channels, grey images in training and test, ours by the
product's recipe. `nll_full`: dynamic binarization, the dense network of `benchmarks.likelihood`, as many steps as
1,000 passes over 58,000 training images have, each of which was drawn 40 times; the weights that 2,000 others like
best; then 5,000 importance samples for each of the 10,000 test images. Beside it stand the published figures that
`benchmarks.likelihood` names, of trainings of up to 2,000 passes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks import gpu_likelihood
from benchmarks.form import Result, make_report, publish_report, write_report
from benchmarks.gpu_likelihood import FullPlan, equal_time_results, full_results
from benchmarks.gpu_speed import WARMUP_STEPS, Contestant, make_contestants, measure_rounds, speed_results
from benchmarks.idx_images import DataMissing, find_idx_images
from benchmarks.peers.load import PeerMissing
from benchmarks.training import BATCH, HELD_OUT
from vae_core.errors import VaeCoreError
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.images.preprocessing import Preprocessing, to_pixels

SIDES = (28, 64)


@dataclass(frozen=True, slots=True)
class Plan:
    """Timed steps of each contestant and rounds; seconds of training for the -ELBO; the whole training."""

    steps: int
    rounds: int
    equal_s: float
    full: FullPlan


STANDARD = Plan(400, 7, 60, gpu_likelihood.STANDARD)
QUICK = Plan(50, 2, 5, gpu_likelihood.QUICK)


def find_device() -> str | None:
    """The device that there is to measure, or None."""
    return "cuda" if torch.cuda.is_available() else None


def run(images: np.ndarray, test_images: np.ndarray, plan: Plan, device: str) -> list[Result]:
    """Measure on images (N, 1, 28, 28) uint8 and on test images of the same kind."""
    contestants: dict[str, Contestant] = {}
    for side in SIDES:
        shown = enlarge(images[: (WARMUP_STEPS + plan.steps) * BATCH], side)
        contestants |= make_contestants(shown, enlarge(test_images[:HELD_OUT], side), plan.steps, device)
    timed = measure_rounds(contestants, plan.rounds, device)
    return [
        *speed_results(timed, plan.steps),
        *equal_time_results(images, test_images, ConvVaeConfig(), plan.equal_s, device),
        *full_results(images, test_images, plan.full, device),
    ]


def enlarge(images: np.ndarray, side: int) -> np.ndarray:
    """Resize grey images (N, 1, H, W) uint8 to side x side pixels as the product's preprocessing does."""
    if images.shape[2:] == (side, side):
        return images
    preprocessing = Preprocessing(height=side, width=side, fit="stretch")
    return np.stack([to_pixels(Image.fromarray(image[0]), preprocessing) for image in images])


def main(
    argv: Sequence[str] | None = None,
    find: Callable[[], str | None] = find_device,
    measure: Callable[[np.ndarray, np.ndarray, Plan, str], list[Result]] = run,
) -> int:
    """Parse, run, print; 0 without a GPU, 1 when a bar is missed, 2 when the images or the peer are missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="folder with the idx files of Fashion-MNIST")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 50 steps, 5 s, 2 passes, no bar of the NLL")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    arguments = parser.parse_args(argv)
    device = find()
    if device is None:
        return skip(arguments.json)
    try:
        if arguments.data is None:
            raise DataMissing("--data FOLDER is missing; what a step costs depends on real images")
        images, test_images = (find_idx_images(arguments.data, kind) for kind in ("train", "t10k"))
        results = measure(images, test_images, QUICK if arguments.quick else STANDARD, device)
    except (DataMissing, PeerMissing, VaeCoreError) as error:
        print(f"gpu: {error}", file=sys.stderr)
        return 2
    return publish_report(make_report("gpu", results), arguments.json)


def skip(json_path: Path | None) -> int:
    """Say what is missing, and write a report without figures where one is asked for."""
    print(
        f"gpu: skipped, torch {torch.__version__} finds no CUDA device here, nothing was measured; "
        "run it on a machine with a GPU and a CUDA build of torch",
        file=sys.stderr,
    )
    if json_path is not None:
        write_report(make_report("gpu", []), json_path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
