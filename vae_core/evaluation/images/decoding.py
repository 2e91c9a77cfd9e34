"""What a viewer sees of a decoder: its means, as 8-bit images."""

import numpy as np
import torch

from vae_core.families.registry import family_of
from vae_core.families.variants import MeasuredModel

BATCH_SIZE = 512


def quantize(means: torch.Tensor | np.ndarray) -> np.ndarray:
    """Round decoder means on [0, 1] to uint8: as they would be saved, and as real images are."""
    rounded = (torch.as_tensor(means).detach() * 255).round_().clamp_(0, 255)
    pixels: np.ndarray = rounded.to(torch.uint8).cpu().numpy()
    return pixels


@torch.inference_mode()
def decode_pixels(model: MeasuredModel, codes: torch.Tensor, device: str = "cpu") -> np.ndarray:
    """Decode codes to images (N, C, H, W) uint8, a batch at a time: z (N, D), or a VQ-VAE's indices (N, h, w) int64."""
    family = family_of(model)
    batches = [
        quantize(family.decode(model, codes[start : start + BATCH_SIZE].to(device)))
        for start in range(0, len(codes), BATCH_SIZE)
    ]
    return np.concatenate(batches)
