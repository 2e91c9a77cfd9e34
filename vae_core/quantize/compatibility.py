"""Do codes that are stored by their index still mean what they meant, after the codebook moved?"""

from __future__ import annotations

import numpy as np

from vae_core.inference import score_images
from vae_core.models.vq_vae import VqVae

IMAGES = 2000
"""Enough tokens (98,000 of 7 x 7) for a share to a tenth of a percent, in a second."""


def share_of_codes_kept(before: VqVae, after: VqVae, pixels: np.ndarray, *, device: str = "cpu") -> float:
    """Share of the tokens, 0 to 1, of the first images uint8 (N, C, H, W) that have the same code in both models.

    Both in eval mode on the device. 1 where no stored code needs to be made again.
    """
    chosen = pixels[:IMAGES]
    ours, theirs = (score_images(each, chosen, device=device).codes for each in (before, after))
    return float(np.mean(ours == theirs))
