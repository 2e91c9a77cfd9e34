"""What every quantiser answers: tokens of an alphabet in place of a grid of vectors."""

from typing import NamedTuple, Protocol

import torch

from vae_core.errors import DataError
from vae_core.ranks import Ranks


class Quantised(NamedTuple):
    """A grid in codes: z_q (B, d, h, w) float32, which passes the decoder's gradient on, and indices (B, h, w) int64.

    commitment: mean (z_e - sg[e])² over all numbers, whose gradient moves the encoder only. codebook_loss: mean
    (sg[z_e] - e)², whose gradient moves the codes only. Both are unweighted scalars, 0 where the quantiser has none.
    """

    z_q: torch.Tensor
    indices: torch.Tensor
    commitment: torch.Tensor
    codebook_loss: torch.Tensor


class Quantiser(Protocol):
    """K codes of d numbers, and the way to them."""

    codes: int
    ranks: Ranks
    keeps_codes: bool

    def begin(self) -> None:
        """Forget everything; the storage may never have been written."""
        ...

    def quantise(self, z_e: torch.Tensor, generator: torch.Generator | None) -> Quantised:
        """Replace every vector of z_e (B, d, h, w) by a code; in train mode the first batch may start the codes."""
        ...

    def follow(self, z_e: torch.Tensor, indices: torch.Tensor, generator: torch.Generator) -> None:
        """Let the codes follow what chose them, vectors z_e (B, d, h, w) and indices (B, h, w)."""
        ...

    def keep_codes(self, decay: float | None) -> None:
        """Let every code keep its place from now on, with averages of this decay."""
        ...

    def retire(self, unused: torch.Tensor) -> None:
        """Let the codes of a mask (K,) begin anew."""
        ...

    def look_up(self, indices: torch.Tensor) -> torch.Tensor:
        """Codes (B, d, h, w) float32 of indices (B, h, w)."""
        ...


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
