"""What a viewer sees of a decoder: its means, as 8-bit images."""

import numpy as np
import torch

from vae_core.models.protocol import Vae

BATCH_SIZE = 512


def quantize(means: torch.Tensor | np.ndarray) -> np.ndarray:
    """Round decoder means on [0, 1] to uint8: as they would be saved, and as real images are."""
    rounded = (torch.as_tensor(means).detach() * 255).round_().clamp_(0, 255)
    pixels: np.ndarray = rounded.to(torch.uint8).cpu().numpy()
    return pixels


@torch.inference_mode()
def decode_pixels(model: Vae, z: torch.Tensor, device: str = "cpu") -> np.ndarray:
    """Decode codes z (N, D) to images (N, C, H, W) uint8, a batch at a time."""
    batches = [
        quantize(model.decode(z[start : start + BATCH_SIZE].to(device))) for start in range(0, len(z), BATCH_SIZE)
    ]
    return np.concatenate(batches)
