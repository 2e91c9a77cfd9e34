"""Confident learning: labels that a classifier, trained without the image in question, is confident are others.

Northcutt, Jiang, Chuang (2021), "Confident Learning: Estimating Uncertainty in Dataset Labels", by cleanlab. The
classifier is a regularised logistic regression on features, and each image is judged by the fold that did not see it.
A suspicion is no finding: nothing here changes a label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from data_checks.errors import DataChecksError


class LabelPolicy(BaseModel):
    """Which labels are looked at, and how many suspected errors hold a training back."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    check: bool = True
    """Whether labels are looked at before a training. Images without labels are never looked at."""

    least_per_kind: int = Field(default=20, ge=10, le=100_000)
    """Fewest images of a kind for its labels to be judged, images: each of the five folds needs some."""

    most_images: int = Field(default=20_000, ge=100)
    """Images that are looked at at most, the newest: features take about 3 ms an image on one core."""

    max_suspected_share: float = Field(default=0.3, gt=0, le=1)
    """Largest share of the judged labels that may be suspected; above it the training waits. A VAE does not
    use labels, so only labels that are nearly chance, a shifted column in a CSV, are worth a delay."""

    components: int = Field(default=256, ge=8, le=1280)
    """Principal components of the features that the classifier sees, dimensions."""


@dataclass(frozen=True, slots=True)
class SuspectedLabel:
    """Row of the image, the label that it has, the one that fits better, and how far the given one is believed.

    score: probability of the given label by the classifier that did not see the image, in [0, 1]; low is suspect.
    """

    row: int
    given: str
    better: str
    score: float


@dataclass(frozen=True, slots=True)
class LabelJudgement:
    """What was found: images a kind that were judged, and the suspects, the most suspect first.

    `too_few`: kinds with too few images. Both are empty where fewer than two kinds could be judged.
    """

    judged: dict[str, int]
    too_few: dict[str, int]
    suspects: tuple[SuspectedLabel, ...]

    @property
    def share(self) -> float:
        """Share of the judged labels that are suspected."""
        return len(self.suspects) / max(1, sum(self.judged.values()))


FOLDS = 5
INVERSE_REGULARISATION = 0.05  # C of the regression on standardised components; chosen on Fashion-MNIST
STEPS = 300


def count_kinds(labels: Sequence[str], policy: LabelPolicy) -> tuple[dict[str, int], dict[str, int]]:
    """Images a kind that can be judged, and a kind that is too small; an empty label is none."""
    counts = Counter(each for each in labels if each)
    enough = {kind: n for kind, n in sorted(counts.items()) if n >= policy.least_per_kind}
    judged = enough if len(enough) >= 2 else {}
    return judged, {kind: n for kind, n in sorted(counts.items()) if kind not in judged}


def find_label_errors(
    features: NDArray[np.float32], labels: Sequence[str], policy: LabelPolicy, seed: int = 0
) -> LabelJudgement:
    """Judge labels (N,) beside features (N, D) of the same images; an empty label is unknown and not judged.

    DataChecksError when the lengths differ or a feature is not finite.
    """
    if features.ndim != 2 or len(features) != len(labels) or not np.isfinite(features).all():
        raise DataChecksError(
            f"label errors: expected finite features (N, D) and N labels, came {features.shape} and {len(labels)}; "
            "take both from the same images in one order"
        )
    judged, too_few = count_kinds(labels, policy)
    if not judged:
        return LabelJudgement({}, too_few, ())
    kinds = list(judged)
    rows = np.asarray([row for row, label in enumerate(labels) if label in judged])
    given = np.asarray([kinds.index(labels[row]) for row in rows])
    believed = _out_of_fold(features[rows], given, policy, seed)
    suspects = [
        SuspectedLabel(
            int(rows[at]), kinds[given[at]], kinds[int(believed[at].argmax())], float(believed[at, given[at]])
        )
        for at in _suspected(given, believed)
    ]
    return LabelJudgement(judged, too_few, tuple(sorted(suspects, key=lambda each: (each.score, each.row))))


def _out_of_fold(
    features: NDArray[np.float32], given: NDArray[np.int64], policy: LabelPolicy, seed: int
) -> NDArray[np.float64]:
    """Probabilities (N, K) of each image, by the classifier of the other folds."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    most = min(policy.components, features.shape[1], len(features) * (FOLDS - 1) // FOLDS - 1)
    classifier = make_pipeline(
        PCA(most, whiten=True, svd_solver="randomized", random_state=seed),
        StandardScaler(),
        LogisticRegression(C=INVERSE_REGULARISATION, max_iter=STEPS),
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    found: NDArray[np.float64] = cross_val_predict(classifier, features, given, cv=folds, method="predict_proba")
    return found


def _suspected(given: NDArray[np.int64], believed: NDArray[np.float64]) -> list[int]:
    """Places whose label is confidently another one, and which that other one fits best."""
    from cleanlab.filter import find_label_issues

    suspected = find_label_issues(given, believed, filter_by="confident_learning", n_jobs=1)
    return [int(at) for at in np.flatnonzero(suspected) if believed[at].argmax() != given[at]]
