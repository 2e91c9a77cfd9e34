"""The codes that a VQ-VAE gives to many images: all of them at once, told while they are made, small in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.wiring import World
from tasks.run.device import training_device
from tasks.scoring.scores import score_many

if TYPE_CHECKING:
    import numpy as np

    from vae_core.families.variants import CodedModel

COMPARED_IMAGES = 10_000


def encode_codes(world: World, model: CodedModel, pixels: np.ndarray) -> np.ndarray:
    """Codes (N, h, w) int32 of pixels uint8 (N, C, H, W), by a model in eval mode, on the training's device."""
    from vae_core.placement import model_on

    device = training_device(world)
    scores = score_many(model_on(model, device), pixels, "images, for their codes", device=device)
    return scores.column("codes")


def share_kept(
    world: World,
    parent: CodedModel,
    pixels: np.ndarray,
    codes: np.ndarray,
    seed: int,
    at_most: int = COMPARED_IMAGES,
) -> float:
    """Share of the tokens whose code is the one that the parent gives them, over `at_most` of the images."""
    import numpy as np

    chosen = np.random.default_rng(seed).permutation(len(pixels))[:at_most]
    before = encode_codes(world, parent, pixels[chosen])
    return float(np.mean(before == codes[chosen]))
