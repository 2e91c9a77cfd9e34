"""Images with holes, for an encoder that has to infer what it cannot see."""

import torch

from vae_core.ranks import ALONE, Ranks


def mask_patches(
    x: torch.Tensor, share: float, patch_px: int, generator: torch.Generator, ranks: Ranks = ALONE
) -> torch.Tensor:
    """Blacken each square of patch_px pixels of x (B, C, H, W) with probability `share`, all channels at once.

    The squares lie on a grid from the upper left corner; the last ones are cut where it does not fit. Each image has
    holes of its own (Vincent et al. 2010, section 4.3, masking noise). The generator lives on the device of x; x stays.
    Of several `ranks` each has its rows of x.
    """
    height, width = x.shape[-2:]
    grid = (ranks.size * len(x), 1, -(-height // patch_px), -(-width // patch_px))
    kept = ranks.own(torch.rand(grid, generator=generator, device=x.device) >= share)
    if patch_px > 1:
        kept = kept.repeat_interleave(patch_px, 2).repeat_interleave(patch_px, 3)[..., :height, :width]
    return x * kept
