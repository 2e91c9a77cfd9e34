"""What a quantiser answers, a grid in codes, and what every one asks of the grid that it is given."""

from typing import NamedTuple

import torch

from vae_core.errors import DataError


class Quantised(NamedTuple):
    """A grid in codes: z_q (B, d, h, w) float32, which passes the decoder's gradient on, and indices (B, h, w) int64.

    commitment: mean (z_e - sg[e])² over all numbers, whose gradient moves the encoder only. codebook_loss: mean
    (sg[z_e] - e)², whose gradient moves the codes only. Both are unweighted scalars, 0 where the quantiser has none.
    """

    z_q: torch.Tensor
    indices: torch.Tensor
    commitment: torch.Tensor
    codebook_loss: torch.Tensor


def to_tokens(grid: torch.Tensor) -> torch.Tensor:
    """A grid (B, d, h, w) as tokens (B·h·w, d) float32; in channels_last order nothing is copied."""
    return grid.permute(0, 2, 3, 1).reshape(-1, grid.shape[1]).float()


def to_grid(tokens: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Tokens (B·h·w, d) as a grid (B, d, h, w) of the batch and size of another."""
    batch, _, height, width = like.shape
    return tokens.view(batch, height, width, -1).permute(0, 3, 1, 2)


def require_depth(z_e: torch.Tensor, dim: int) -> None:
    """DataError unless z_e is a grid (B, dim, h, w) of at least one token."""
    if z_e.ndim != 4 or z_e.shape[1] != dim or z_e.numel() == 0:
        raise DataError(
            f"quantise: expected a grid (B, {dim}, h, w), came {tuple(z_e.shape)}; use the encoder of these codes"
        )


def require_finite(measure: torch.Tensor) -> None:
    """DataError when a scalar on the CPU, made of all tokens, is not finite; a GPU is not asked, it would wait."""
    if measure.device.type == "cpu" and not bool(torch.isfinite(measure)):
        raise DataError("quantise: some values of the tokens are NaN or infinite; look at the images and the weights")


def require_indices(indices: torch.Tensor, codes: int) -> None:
    """DataError unless indices are a grid (B, h, w) int64 of codes that exist."""
    if indices.ndim != 3 or indices.dtype != torch.int64 or indices.numel() == 0:
        raise DataError(f"look_up: expected int64 (B, h, w), came {indices.dtype} {tuple(indices.shape)}")
    low, high = int(indices.min()), int(indices.max())
    if low < 0 or high >= codes:
        raise DataError(f"look_up: expected indices of {codes} codes, 0 to {codes - 1}, came {low} to {high}")
