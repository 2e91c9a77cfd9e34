"""One fixed set of real images in one feature space, against which everything else is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.evaluation.benchmark_result import FrechetScore
from vae_core.evaluation.decoding import decode_pixels
from vae_core.evaluation.features import FeatureExtractor
from vae_core.evaluation.frechet_interval import (
    FeatureSet,
    FrechetEstimate,
    frechet_interval,
    paired_frechet_interval,
    prepare_features,
)
from vae_core.evaluation.real_features import CHUNK, RealFeatures
from vae_core.models.protocol import Vae

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

    def measure_samples(
        self, model: Vae, z: torch.Tensor, device: str, on_progress: Callable[[int], None]
    ) -> FrechetScore:
        """Decode codes z (N, D) a chunk at a time and measure them; only their features are kept."""
        features = np.empty((len(z), self.extractor.dim), dtype=np.float32)
        for start in range(0, len(z), CHUNK):
            stop = min(start + CHUNK, len(z))
            features[start:stop] = self.extractor.extract(decode_pixels(model, z[start:stop], device))
            on_progress(stop)
        return self._score(frechet_interval(self.real, features))

    def _score(self, estimate: FrechetEstimate) -> FrechetScore:
        return FrechetScore.of(estimate, self.extractor.name, self.extractor.dim)


def _refuse_foreign(features: RealFeatures, extractor: FeatureExtractor) -> None:
    if features.extractor_digest != extractor.digest:
        raise DataError(
            f"fréchet: expected features of the extractor {extractor.digest[:12]}…, came features of "
            f"{features.extractor_digest[:12]}…; extract them again"
        )
