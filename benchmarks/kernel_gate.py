"""Two models judged by kernel distances (KID) on few real images: how often an equal one is refused, a worse one found.

    python -m benchmarks.kernel_gate [--quick] [--json FILE]

The gate refuses a candidate where the lower end of the 99 % interval of its relative change against the champion is
above `gate.kernel_margin`, here at its default. Features are normal in 16 dimensions, the champion's samples one
standard deviation away from the real ones in each of them; an equal model's as far, a worse one's 1.11, by which its
distance is `worse_by` times the champion's larger. Of n real images and 400 samples of each model; `refused_*` counts
trials, and `_high95` and `_low95` are the 95 % bounds of the shares.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from benchmarks.form import Result, make_report, publish_report
from benchmarks.stopwatch import one_thread
from deploy.delivery.policy import GatePolicy
from vae_core.evaluation.distances.kernel_change import kernel_sample_change
from vae_core.evaluation.distances.kid import kernel_distance

REAL_IMAGES = (100, 300, 1_000)
SAMPLES, WIDTH = 400, 16
CHAMPION, WORSE = 1.0, 1.11
TRIALS, QUICK_TRIALS = 200, 20
MOST_EQUAL_REFUSED, LEAST_WORSE_FOUND = 0.01, 0.9


def draw(n: int, shift: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Features (n, 16) that are moved by `shift` standard deviations in every dimension."""
    return random.normal(size=(n, WIDTH)) + shift


def run(trials: int) -> list[Result]:
    """Count at every number of real images."""
    with one_thread():
        return [
            Result.of("worse_by", measure_worse(), "share"),
            *(result for n in REAL_IMAGES for result in count_refused(n, trials, GatePolicy().kernel_margin)),
        ]


def measure_worse() -> float:
    """By how much the worse model's distance is larger, of many images."""
    random = np.random.default_rng(9)
    real = draw(4_000, 0, random)
    worse, champion = (kernel_distance(real, draw(4_000, shift, random)).value for shift in (WORSE, CHAMPION))
    return worse / champion - 1


def count_refused(n: int, trials: int, margin: float) -> Iterator[Result]:
    """How many of so many equal models are refused, and of as many worse ones."""
    random = np.random.default_rng(n)
    refused = {"equal": 0, "worse": 0}
    for _ in range(trials):
        real, champion = draw(n, 0, random), draw(SAMPLES, CHAMPION, random)
        for name, shift in (("equal", CHAMPION), ("worse", WORSE)):
            change = kernel_sample_change(real, draw(SAMPLES, shift, random), champion)
            refused[name] += change.low > margin
    equal, worse = refused["equal"], refused["worse"]
    yield Result.of(f"refused_equal_n{n}", equal, "trials", limit=MOST_EQUAL_REFUSED * trials, n=trials)
    yield Result.of(f"refused_equal_n{n}_high95", high95(equal, trials), "share", n=trials)
    yield Result.of(
        f"refused_worse_n{n}", worse, "trials", limit=LEAST_WORSE_FOUND * trials, direction="higher", n=trials
    )
    yield Result.of(f"refused_worse_n{n}_low95", 1 - high95(trials - worse, trials), "share", n=trials)


def high95(hits: int, n: int) -> float:
    """The upper 95 % bound of a share of which `hits` of n were seen (Clopper and Pearson 1934)."""
    return 1.0 if hits >= n else float(beta.ppf(0.95, hits + 1, n - hits))


def main() -> int:
    """Parse, run, print; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernel_gate", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 trials in place of 200")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    arguments = parser.parse_args()
    results = run(QUICK_TRIALS if arguments.quick else TRIALS)
    return publish_report(make_report("kernel_gate", results), arguments.json)


if __name__ == "__main__":
    sys.exit(main())
