"""The network for pictures of a size: how often it halves them, and which sizes it can take at all. Pure."""

from __future__ import annotations

from vae_core.families.vq_vae.config import VqVaeConfig

SMALLEST_PX = 8
BEST_GRID = 16
"""Codes a side: more make the prior over them slow (its cost grows with the fourth power of the side)."""
LARGEST_GRID = 64
"""What the prior over the codes takes."""
HALVINGS = (2, 3, 4, 5)
_WIDTHS = (32, 64, 128, 128, 128)

TOKENS_PER_CODE = 50
"""Of one epoch, without which a code is hardly ever chosen."""
_CODES = (512, 256, 128, 64)

TAKEN = "multiples of 4 from 8 to 256 pixels, of 8 to 512, of 16 to 1024"
"""The sizes that `find_halvings` finds a network for, in words."""


def find_halvings(height: int, width: int) -> int | None:
    """How often a network halves such a picture, with about 16 codes a side; None where none can."""
    if min(height, width) < SMALLEST_PX or max(height, width) > 1024:
        return None
    fitting = [
        each
        for each in HALVINGS
        if not height % 2**each and not width % 2**each and max(height, width) <= LARGEST_GRID * 2**each
    ]
    return next((each for each in fitting if max(height, width) <= BEST_GRID * 2**each), max(fitting, default=None))


def propose_model(channels: int, height: int, width: int, images: int) -> VqVaeConfig:
    """A VQ-VAE for so many images of this form; ValueError where no network takes the size."""
    halvings = find_halvings(height, width)
    if halvings is None:
        raise ValueError(f"no network takes {height}x{width}: {TAKEN}")
    tokens = images * (height >> halvings) * (width >> halvings)
    codes = next((each for each in _CODES if tokens >= TOKENS_PER_CODE * each), _CODES[-1])
    return VqVaeConfig.model_validate(
        {
            "channels": channels,
            "height": height,
            "width": width,
            "widths": _WIDTHS[:halvings],
            "codebook_size": codes,
        }
    )
