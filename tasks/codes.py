"""The codes that a VQ-VAE gives to many images: all of them at once, told while they are made, small in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.device import training_device

if TYPE_CHECKING:
    import numpy as np

    from tasks.progress import ProgressWriter
    from vae_core.models.vq_vae import VqVae

IMAGES_AT_ONCE = 2_048  # their reconstructions lie in memory together: 6 MB at 28 px
COMPARED_IMAGES = 10_000


def encode_codes(model: VqVae, pixels: np.ndarray, note: ProgressWriter | None = None) -> np.ndarray:
    """Codes (N, h, w) int32 of pixels uint8 (N, C, H, W), by a model in eval mode, on the training's device."""
    import numpy as np

    from vae_core.inference import score_images
    from vae_core.models.placement import model_on

    device = training_device()
    placed, parts = model_on(model, device), []
    for start in range(0, len(pixels), IMAGES_AT_ONCE):
        if note is not None:
            note.note("encoding", start / len(pixels), f"{start:,} of {len(pixels):,} images")
        scores = score_images(placed, pixels[start : start + IMAGES_AT_ONCE], device=device)
        assert scores.codes is not None, "a VQ-VAE gives codes"
        parts.append(scores.codes)
    return np.concatenate(parts)


def share_kept(parent: VqVae, pixels: np.ndarray, codes: np.ndarray, seed: int) -> float:
    """Share of the tokens whose code is the one that the parent gives them, over 10,000 images at most."""
    import numpy as np

    chosen = np.random.default_rng(seed).permutation(len(pixels))[:COMPARED_IMAGES]
    before = encode_codes(parent, pixels[chosen])
    return float(np.mean(before == codes[chosen]))
