"""One fixed set of real images in one feature space, against which everything else is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from vae_core.errors import DataError
from vae_core.evaluation.benchmark_scores import FrechetScore
from vae_core.evaluation.distances.frechet_interval import (
    FeatureSet,
    FrechetEstimate,
    frechet_interval,
    paired_frechet_interval,
    prepare_features,
)
from vae_core.evaluation.features.extractor import FeatureExtractor
from vae_core.evaluation.features.real_features import RealFeatures

FloorKind = Literal["independent_set", "two_halves"]


@dataclass(frozen=True, slots=True, eq=False)
class FrechetRuler:
    """The real set, factored and whitened once, and the extractor that everything else must pass through."""

    real: FeatureSet
    extractor: FeatureExtractor

    @classmethod
    def of(cls, features: RealFeatures, extractor: FeatureExtractor) -> FrechetRuler:
        """Prepare the real set; DataError when its features are another extractor's."""
        _refuse_foreign(features, extractor)
        return cls(prepare_features(features.features), extractor)

    def measure_floor(self, independent: RealFeatures | None) -> tuple[FrechetScore, FloorKind]:
        """Measure real against real: an independent set where one is given, else two halves."""
        if independent is None:
            # every other image: the halves of a sorted set would be different kinds
            evens, odds = self.real.features[::2], self.real.features[1::2]
            return self._score(frechet_interval(evens, odds)), "two_halves"
        _refuse_foreign(independent, self.extractor)
        return self._score(frechet_interval(self.real, independent.features)), "independent_set"

    def measure_reconstructions(self, features: np.ndarray) -> FrechetScore:
        """Measure the features (N, D) of the real images' reconstructions, in the same order."""
        return self._score(paired_frechet_interval(self.real, features))

    def measure_samples(self, features: np.ndarray) -> FrechetScore:
        """Measure the features (M, D) of samples."""
        return self._score(frechet_interval(self.real, features))

    def _score(self, estimate: FrechetEstimate) -> FrechetScore:
        return FrechetScore.of(estimate, self.extractor.name, self.extractor.dim)


def _refuse_foreign(features: RealFeatures, extractor: FeatureExtractor) -> None:
    if features.extractor_digest != extractor.digest:
        raise DataError(
            f"fréchet: expected features of the extractor {extractor.digest[:12]}…, came features of "
            f"{features.extractor_digest[:12]}…; extract them again"
        )
