"""Confident learning: labels that a classifier, trained without the image in question, is confident are others.

Northcutt, Jiang, Chuang (2021), "Confident Learning: Estimating Uncertainty in Dataset Labels", by cleanlab. The
classifier is a regularised logistic regression on features, and each image is judged by the fold that did not see it.
A suspicion is no finding: nothing here changes a label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
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
    """Images that are looked at at most, the newest: features take about 2 ms an image on one core."""

    max_suspected_share: float = Field(default=0.2, gt=0, le=1)
    """Largest share of the judged labels that may be suspected; above it the training waits. A VAE does not
    use labels, so only labels of which about a quarter are chance are worth a delay."""

    doubt_below_share: float = Field(default=0.04, gt=0, le=0.5)
    """A label is suspected when it is believed less than this, share, or less than twice what a wrong label
    is believed by chance. Origin: 5 % of the labels of 20,000 images of Fashion-MNIST flipped: 0.03 -> 84 %
    found and 82 % of the suspected wrong; 0.04 -> 87 % and 77 %; 0.05 -> 89 % and 72 %; without it confident
    learning alone finds 96 %, and 33 % of the suspected are wrong: kinds that resemble each other are
    suspected in crowds."""

    components: int = Field(default=128, ge=8, le=1280)
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

    `too_few`: kinds with too few images. `agreement`: share of the judged images that the classifier, which did not see
    them, would label as they are; higher is better. Where that is hardly better than always naming the largest kind,
    the pictures do not tell the kinds, and nobody is suspected. All are empty, and the agreement None, where fewer than
    two kinds could be judged.
    """

    judged: dict[str, int]
    too_few: dict[str, int]
    agreement: float | None
    suspects: tuple[SuspectedLabel, ...]

    @property
    def share(self) -> float:
        """Share of the judged labels that are suspected."""
        return len(self.suspects) / max(1, sum(self.judged.values()))

    @property
    def tells_kinds(self) -> bool:
        """Whether the pictures say anything of their labels."""
        return self.agreement is not None and tells_kinds(self.agreement, self.judged)


FOLDS = 5
INVERSE_REGULARISATION = 0.05  # C of the regression on whitened components of many images; chosen on Fashion-MNIST
MANY = 6_000  # images; of fewer each counts for more: with 400 a C of 0.2 finds 80 % of flipped labels, 0.05 45 %
STEPS = 300
LEAST_BETTER = 0.25  # share by which the classifier must beat naming the largest kind every time
CHANCE_FACTOR = 2.0  # a wrong label is believed by what wrong labels are seen at: twice that is in doubt still


def tells_kinds(agreement: float, judged: Mapping[str, int]) -> bool:
    """Whether the classifier is better than one that looks at no picture."""
    largest = max(judged.values()) / sum(judged.values())
    return agreement >= largest + LEAST_BETTER * (1 - largest)


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
        return LabelJudgement({}, too_few, None, ())
    kinds = list(judged)
    rows = np.asarray([row for row, label in enumerate(labels) if label in judged])
    given = np.asarray([kinds.index(labels[row]) for row in rows])
    believed = _out_of_fold(features[rows], given, policy, seed)
    agreement = float(np.mean(believed.argmax(axis=1) == given))
    places = _suspected(given, believed, policy) if tells_kinds(agreement, judged) else []
    suspects = [
        SuspectedLabel(
            row=int(rows[at]),
            given=kinds[given[at]],
            better=kinds[int(believed[at].argmax())],
            score=float(believed[at, given[at]]),
        )
        for at in places
    ]
    return LabelJudgement(judged, too_few, agreement, tuple(sorted(suspects, key=lambda each: (each.score, each.row))))


def _out_of_fold(
    features: NDArray[np.float32], given: NDArray[np.int64], policy: LabelPolicy, seed: int
) -> NDArray[np.float64]:
    """Probabilities (N, K) of each image, by the classifier of the other folds."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    most = min(policy.components, features.shape[1], len(features) * (FOLDS - 1) // FOLDS - 1)
    classifier = make_pipeline(
        PCA(most, whiten=True, svd_solver="randomized", random_state=seed),
        LogisticRegression(C=INVERSE_REGULARISATION * max(1.0, (MANY / len(features)) ** 0.5), max_iter=STEPS),
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    found: NDArray[np.float64] = cross_val_predict(classifier, features, given, cv=folds, method="predict_proba")
    return found


def _suspected(given: NDArray[np.int64], believed: NDArray[np.float64], policy: LabelPolicy) -> list[int]:
    """Places of the labels that are hardly believed, by the share of wrong ones that confident learning estimates.

    Its own pruning takes whole crowds where two kinds resemble each other, and with few images misses single ones.
    """
    from cleanlab.count import num_label_issues

    wrong_share = num_label_issues(given, believed) / len(given)
    by_chance = CHANCE_FACTOR * wrong_share / (believed.shape[1] - 1)
    score = believed[np.arange(len(given)), given]
    doubted = (score < max(policy.doubt_below_share, by_chance)) & (believed.argmax(axis=1) != given)
    return [int(at) for at in np.flatnonzero(doubted)]
