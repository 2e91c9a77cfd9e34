"""What it makes of images."""

from __future__ import annotations

import torch

from vae_core.families.scores import Scores
from vae_core.images.preprocessing import to_unit
from vae_core.weights import to_numpy


@torch.inference_mode()
def score_codes(model, pixels, device) -> Scores:
    """Score pixels uint8 (B, C, H, W) in one pass."""
    x = to_unit(pixels).to(device)
    found = model(x)
    return Scores(
        reconstruction=to_numpy(found.mean),
        mu=to_numpy(found.before.flatten(1)),
        recon_error=to_numpy((found.mean - x).square().mean((1, 2, 3))),
        norm=to_numpy(torch.linalg.vector_norm(found.before, dim=3).mean((1, 2))),
        own={
            "codes": to_numpy(found.indices.int()),
            "code_distance": to_numpy(torch.linalg.vector_norm(found.before - found.after, dim=3).mean((1, 2))),
        },
    )
