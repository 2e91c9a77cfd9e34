"""What a deterministic autoencoder makes of images: reconstructions at their codes."""

from __future__ import annotations

import numpy as np
import torch

from vae_core.families.conv_ae.model import ConvAe
from vae_core.families.scores import Scores
from vae_core.images.preprocessing import to_unit
from vae_core.weights import to_numpy


@torch.inference_mode()
def score_codes(model: ConvAe, pixels: np.ndarray, device: str) -> Scores:
    """Score pixels uint8 (B, C, H, W) in one pass."""
    x = to_unit(pixels).to(device)
    z = model.encode(x)
    reconstruction = model.decode(z)
    return Scores(
        reconstruction=to_numpy(reconstruction),
        mu=to_numpy(z),
        recon_error=to_numpy((reconstruction - x).square().mean((1, 2, 3))),
        norm=to_numpy(torch.linalg.vector_norm(z, dim=1)),
    )
