"""What a VQ-VAE makes of images: reconstructions at their codes, and how far the vectors are from those."""

from __future__ import annotations

import numpy as np
import torch

from vae_core.families.scores import Scores
from vae_core.families.vq_vae.model import VqVae
from vae_core.images.preprocessing import to_unit
from vae_core.weights import to_numpy


@torch.inference_mode()
def score_grids(model: VqVae, pixels: np.ndarray, device: str) -> Scores:
    """Score pixels uint8 (B, C, H, W) in one pass."""
    x = to_unit(pixels).to(device)
    z_e = model.encode(x)
    quantised = model.quantise(z_e)
    reconstruction = model.decode(quantised.z_q)
    return Scores(
        reconstruction=to_numpy(reconstruction),
        mu=to_numpy(model.summarise(z_e)),
        recon_error=to_numpy((reconstruction - x).square().mean((1, 2, 3))),
        norm=to_numpy(torch.linalg.vector_norm(z_e, dim=1).mean((1, 2))),
        own={
            "codes": to_numpy(quantised.indices.int()),
            "code_distance": to_numpy(torch.linalg.vector_norm(z_e - quantised.z_q, dim=1).mean((1, 2))),
        },
    )
