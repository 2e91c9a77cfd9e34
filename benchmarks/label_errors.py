"""How many flipped labels of Fashion-MNIST are found, and how many of those that are suspected were flipped.

    python -m benchmarks.label_errors --data FOLDER [--quick] [--json FILE]

Of the training set (with --quick of 6,000 images of it) 5 % of the labels are replaced, each by one of the nine others
at random; features are those of the offline network. `flipped_found` is the share of the flipped labels that are
suspected, `suspected_right` the share of the suspected ones that were flipped, over several draws of flips: their
median, with the extremes. The data set's own mistakes count against `suspected_right`: `suspected_unflipped` is what is
suspected of it as it comes. `better_right`: of the flipped ones that were found, those whose old label was proposed.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.command import add_weights, converted_weights, find_images, make_parser, measure_and_publish
from benchmarks.form import Result
from benchmarks.idx_images import find_idx_labels
from benchmarks.stopwatch import one_thread
from data_checks.label_errors import LabelJudgement, LabelPolicy, find_label_errors
from vae_core.evaluation.features.extractor import EfficientNetLite0

FLIPPED_SHARE = 0.05
LEAST_FOUND, LEAST_RIGHT = 0.80, 0.60


@dataclass(frozen=True, slots=True)
class Sizes:
    """Images that are judged, and draws of flips."""

    images: int
    draws: int


FULL = Sizes(20_000, 5)
QUICK = Sizes(6_000, 2)


@dataclass(frozen=True, slots=True)
class Score:
    """Shares in [0, 1]; more is better."""

    found: float
    right: float
    better_right: float


def run(data: Path | None, weights: Path | None, sizes: Sizes) -> list[Result]:
    """Extract the features once, then flip, judge and count, several times."""
    training, _ = find_images(data)
    assert data is not None, "find_images refused it"
    pixels = training[: sizes.images]
    labels = find_idx_labels(data, "train")[: sizes.images].astype(np.int64)
    policy = LabelPolicy(most_images=sizes.images)
    with one_thread(), converted_weights(weights) as path:
        began = time.process_time()
        features = EfficientNetLite0.load(path).extract(pixels)
        extracted_s = time.process_time() - began
        began = time.process_time()
        untouched = find_label_errors(features, _names(labels), policy)
        judged_s = time.process_time() - began
        scores = [_score_of(features, labels, policy, seed) for seed in range(sizes.draws)]
    return [
        Result.of("flipped_found", [each.found for each in scores], "share", limit=LEAST_FOUND, direction="higher"),
        Result.of("suspected_right", [each.right for each in scores], "share", limit=LEAST_RIGHT, direction="higher"),
        Result.of("better_right", [each.better_right for each in scores], "share", direction="higher"),
        Result.of("suspected_unflipped", untouched.share, "share", n=len(labels)),
        Result.of("features_cpu_s", extracted_s, "CPU s", n=len(labels)),
        Result.of("judging_cpu_s", judged_s, "CPU s", n=len(labels)),
    ]


def flip(labels: NDArray[np.int64], kinds: int, share: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Labels (N,) of which this share was replaced by another kind at random."""
    flipped = labels.copy()
    rows = rng.permutation(len(labels))[: round(share * len(labels))]
    flipped[rows] = (labels[rows] + rng.integers(1, kinds, len(rows))) % kinds
    return flipped


def score(judgement: LabelJudgement, given: NDArray[np.int64], true: NDArray[np.int64]) -> Score:
    """Count what was found among the labels that differ from the true ones."""
    wrong = {*np.flatnonzero(given != true).tolist()}
    found = [each for each in judgement.suspects if each.row in wrong]
    better = sum(each.better == str(true[each.row]) for each in found)
    return Score(len(found) / len(wrong), len(found) / max(1, len(judgement.suspects)), better / max(1, len(found)))


def _score_of(features: NDArray[np.float32], labels: NDArray[np.int64], policy: LabelPolicy, seed: int) -> Score:
    given = flip(labels, 10, FLIPPED_SHARE, np.random.default_rng(seed))
    return score(find_label_errors(features, _names(given), policy), given, labels)


def _names(labels: NDArray[np.int64]) -> list[str]:
    return [str(each) for each in labels]


def main() -> int:
    """Measure, print, write; 1 when a bar is missed, 2 when the images are missing."""
    parser = make_parser("label_errors", __doc__, "6,000 images and two draws")
    add_weights(parser)
    arguments = parser.parse_args()
    sizes = QUICK if arguments.quick else FULL
    return measure_and_publish("label_errors", lambda: run(arguments.data, arguments.weights, sizes), arguments.json)


if __name__ == "__main__":
    sys.exit(main())
