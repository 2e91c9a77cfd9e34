"""What a version makes of many images: scored some at a time, told while it goes on, small in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tasks.run.progress import counting

if TYPE_CHECKING:
    import numpy as np

    from vae_core.families.scores import Scores
    from vae_core.families.variants import MeasuredModel

IMAGES_AT_ONCE = 2_048  # their reconstructions lie in memory together: 6 MB at 28 px


def score_many(model: MeasuredModel, pixels: np.ndarray, what: str, *, device: str = "cpu") -> Scores:
    """Scores of pixels uint8 (N, C, H, W), N ≥ 1, without the reconstructions; the model is in eval mode on `device`.

    `what` the images are, for who watches.
    """
    from vae_core.families.scores import Scores
    from vae_core.inference import score_images

    tell, parts = counting("scoring", what, len(pixels)), []
    for start in range(0, len(pixels), IMAGES_AT_ONCE):
        scores = score_images(model, pixels[start : start + IMAGES_AT_ONCE], device=device)
        # a copy: a view of nothing would keep them all in memory
        parts.append(replace(scores, reconstruction=scores.reconstruction[:0].copy()))
        tell(min(start + IMAGES_AT_ONCE, len(pixels)))
    return Scores.joined(parts)
