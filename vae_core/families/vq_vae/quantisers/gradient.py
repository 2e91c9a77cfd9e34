"""How the decoder's gradient passes the choice of a code, whose own derivative is zero almost everywhere."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

TINY = 1e-12
"""Below it a length counts as none: a token at the origin has no direction to be rotated from, its gradient passes."""


class StraightThrough(torch.autograd.Function):
    """Codes (N, d) for tokens, and mean((z - e)²); the gradient of the codes goes to the tokens as it is.

    van den Oord et al. 2017, section 3.2. The commitment's gradient is added in the same pass.
    """

    @staticmethod
    def forward(
        ctx: Any, tokens: torch.Tensor, codebook: torch.Tensor, indices: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Look the codes up."""
        codes = codebook.index_select(0, indices)
        difference, error = _measure(tokens, codes)
        ctx.save_for_backward(difference)
        return codes, error

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, along: torch.Tensor, on_error: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """Pass the gradient on, and pull towards the code."""
        (difference,) = ctx.saved_tensors
        return torch.addcmul(along, difference, on_error, value=2 / difference.numel()), None, None


class Rotation(torch.autograd.Function):
    """The same values; the gradient is turned and scaled as the token would have to be to become its code.

    e = λ R z with λ = |e| / |z| and R = I - 2 r rᵀ + 2 ê ẑᵀ, r = (ê + ẑ) / |ê + ẑ|, both held constant: Fifty et al.
    2024, "Restructuring Vector Quantization with the Rotation Trick", section 4.2. So the angle between gradient and
    code becomes the angle between gradient and token.
    """

    @staticmethod
    def forward(
        ctx: Any, tokens: torch.Tensor, codebook: torch.Tensor, indices: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Look the codes up."""
        codes = codebook.index_select(0, indices)
        difference, error = _measure(tokens, codes)
        ctx.save_for_backward(tokens, codes, difference)
        return codes, error

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, along: torch.Tensor, on_error: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """Apply λ Rᵀ, and pull towards the code."""
        tokens, codes, difference = ctx.saved_tensors
        length_z, length_e = _lengths(tokens), _lengths(codes)
        nowhere = length_z <= TINY
        z, e = tokens / length_z, codes / length_e
        r = e + z
        r /= _lengths(r)
        turned = along - 2 * r * (r * along).sum(1, keepdim=True) + 2 * z * (e * along).sum(1, keepdim=True)
        scaled = torch.where(nowhere, along, turned * (length_e / length_z))
        return torch.addcmul(scaled, difference, on_error, value=2 / difference.numel()), None, None


def _measure(tokens: torch.Tensor, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    difference = tokens - codes
    flat = difference.view(-1)
    return difference, torch.dot(flat, flat) / flat.numel()


def _lengths(vectors: torch.Tensor) -> torch.Tensor:
    lengths: torch.Tensor = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    return lengths.clamp_(min=TINY)
