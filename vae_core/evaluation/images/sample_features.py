"""Features of what a model draws: a chunk at a time, so that no images lie in memory together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vae_core.evaluation.features.extractor import FeatureExtractor
from vae_core.evaluation.images.decoding import decode_pixels
from vae_core.evaluation.images.sample_sources import SampleSource
from vae_core.families.variants import MeasuredModel


def extract_samples(
    model: MeasuredModel,
    source: SampleSource,
    n: int,
    extractor: FeatureExtractor,
    *,
    seed: int,
    device: str,
    on_progress: Callable[[int], None],
) -> np.ndarray:
    """Features (n, F) of decoded draws, a chunk at a time; each source has its own generator of this seed.

    So adding a prior leaves the samples from the others alone. `on_progress` hears the number of samples done.
    """
    features, done = np.empty((n, extractor.dim), dtype=np.float32), 0
    for codes in source.draw_chunks(n, seed):
        features[done : done + len(codes)] = extractor.extract(decode_pixels(model, codes, device))
        done += len(codes)
        on_progress(done)
    return features
