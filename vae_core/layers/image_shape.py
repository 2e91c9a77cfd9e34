"""Which images a model takes: those of its config's shape. Convolutions would take any, and answer nonsense."""

from __future__ import annotations

import torch

from vae_core.errors import DataError


def require_shape(x: torch.Tensor, shape: tuple[int, int, int]) -> None:
    """DataError unless x are images (B ≥ 1, C, H, W) of this shape (C, H, W)."""
    if x.shape[1:] != shape or len(x) == 0:
        raise DataError(
            f"encode: expected images (B, {', '.join(map(str, shape))}), came {tuple(x.shape)}; "
            "let preprocessing make the pixels"
        )
