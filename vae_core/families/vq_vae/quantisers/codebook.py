"""The codes themselves, and what moves them: averages of the tokens that chose them, or the gradient.

`fill` takes the k-means centres, `follow` one batch of training, `pull` is the loss that moves the codes.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import nn

from vae_core.families.vq_vae.quantisers.codebook_start import KMeans
from vae_core.families.vq_vae.quantisers.expiry import draw_substitutes, find_dead
from vae_core.families.vq_vae.quantisers.sums import sum_by_code
from vae_core.ranks import Ranks

RETIRED = -1.0
"""In place of a code's average count: the next batch finds it dead, whatever the share below which codes expire."""

SMALLEST_COUNT = 1e-6
"""Tokens a batch; an average below it stands for none, and the code stays where it is."""


class Codebook(Protocol):
    """K codes of d numbers: `codebook` (K, d) float32."""

    codebook: torch.Tensor

    def fill(self, found: KMeans) -> None:
        """Take k-means centres as codes."""
        ...

    def follow(self, tokens: torch.Tensor, indices: torch.Tensor, generator: torch.Generator, ranks: Ranks) -> None:
        """Take one batch of training: tokens (N, d) and the codes that they chose (N,)."""
        ...

    def pull(self, tokens: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        """Mean (sg[z] - e)², whose gradient moves the codes; a constant 0 where something else moves them."""
        ...


class EmaCodebook(nn.Module):
    """Each code is the mean of the tokens that chose it, older ones counting less (van den Oord et al. 2017, A.1).

    It ignores the learning rate and has a `decay` of its own. `counts` (K,) and `sums` (K, d) are averages per batch;
    they and the codes are float32 buffers of the state dict, and nothing else is remembered.
    """

    codebook: torch.Tensor
    counts: torch.Tensor
    sums: torch.Tensor

    def __init__(self, codes: int, dim: int, *, decay: float, expire_below: float) -> None:
        super().__init__()
        self.decay, self.expire_below = decay, expire_below
        self.register_buffer("codebook", torch.zeros(codes, dim))
        self.register_buffer("counts", torch.zeros(codes))
        self.register_buffer("sums", torch.zeros(codes, dim))

    @torch.no_grad()
    def fill(self, found: KMeans) -> None:
        """Take k-means centres and the tokens of each."""
        self.codebook.copy_(found.centres)
        self.counts.copy_(found.counts)
        self.sums.copy_(found.centres * found.counts[:, None])

    @torch.no_grad()
    def follow(self, tokens: torch.Tensor, indices: torch.Tensor, generator: torch.Generator, ranks: Ranks) -> None:
        """Move every code towards the tokens that chose it, and dead codes to tokens; NaN and infinity move nothing."""
        counts, sums = sum_by_code(tokens, indices, len(self.codebook), ranks)
        retired = _take_retired(self.counts)
        finite = torch.isfinite(sums).all()
        rate = (1 - self.decay) * finite.to(sums.dtype)
        self.counts.lerp_(counts, rate)
        self.sums.lerp_(torch.where(finite, sums, self.sums), rate)
        used = self.counts[:, None] > SMALLEST_COUNT
        means = self.sums / self.counts[:, None].clamp(min=SMALLEST_COUNT)
        self.codebook.copy_(torch.where(used & finite, means, self.codebook))

        dead = (find_dead(self.counts, self.expire_below) | retired) & finite
        drawn = draw_substitutes(dead, tokens, self.codebook, indices, generator, ranks)
        if drawn is not None:
            self._replace(dead, drawn)

    def pull(self, tokens: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        """Nothing: the averages move the codes."""
        del indices
        return tokens.new_zeros(())

    @torch.no_grad()
    def reinstate(self) -> None:
        """Let codes that were retired, in the last step of a training, stay where they are after all."""
        retired = _take_retired(self.counts)
        count = self.counts.mean()
        self.counts.masked_fill_(retired, float(count))
        self.sums.copy_(torch.where(retired[:, None], self.codebook * count, self.sums))

    def _replace(self, dead: torch.Tensor, drawn: torch.Tensor) -> None:
        """Put dead codes (K,) onto drawn tokens (K, d), with the count at which they would die again if not chosen."""
        count = self.expire_below * self.counts.mean()
        self.codebook.copy_(torch.where(dead[:, None], drawn, self.codebook))
        self.sums.copy_(torch.where(dead[:, None], drawn * count, self.sums))
        self.counts.copy_(torch.where(dead, count, self.counts))


class GradientCodebook(nn.Module):
    """The codes are parameters, moved by the optimiser through the codebook loss; `counts` (K,) only find the dead."""

    counts: torch.Tensor

    def __init__(self, codes: int, dim: int, *, decay: float, expire_below: float) -> None:
        super().__init__()
        self.decay, self.expire_below = decay, expire_below
        self.codebook = nn.Parameter(torch.zeros(codes, dim))
        self.register_buffer("counts", torch.zeros(codes))

    @torch.no_grad()
    def fill(self, found: KMeans) -> None:
        """Take k-means centres and the tokens of each."""
        self.codebook.copy_(found.centres)
        self.counts.copy_(found.counts)

    @torch.no_grad()
    def follow(self, tokens: torch.Tensor, indices: torch.Tensor, generator: torch.Generator, ranks: Ranks) -> None:
        """Count who chose what, and put dead codes onto tokens; the optimiser's moments of a dead code stay."""
        counts, sums = sum_by_code(tokens, indices, len(self.codebook), ranks)
        retired = _take_retired(self.counts)
        finite = torch.isfinite(sums).all()
        self.counts.lerp_(counts, (1 - self.decay) * finite.to(counts.dtype))
        dead = (find_dead(self.counts, self.expire_below) | retired) & finite
        drawn = draw_substitutes(dead, tokens, self.codebook, indices, generator, ranks)
        if drawn is not None:
            self.codebook.copy_(torch.where(dead[:, None], drawn, self.codebook))
            self.counts.copy_(torch.where(dead, self.expire_below * self.counts.mean(), self.counts))

    @torch.no_grad()
    def reinstate(self) -> None:
        """Let codes that were retired, in the last step of a training, stay where they are after all."""
        retired = _take_retired(self.counts)
        self.counts.masked_fill_(retired, float(self.counts.mean()))

    def pull(self, tokens: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        """Mean (sg[z] - e)²: the second term of van den Oord et al. 2017, equation 3."""
        return (tokens.detach() - self.codebook.index_select(0, indices)).square().mean()


def _take_retired(counts: torch.Tensor) -> torch.Tensor:
    """Which codes (K,) were retired; from here on they count as chosen by nobody."""
    retired = counts < 0
    counts.clamp_(min=0)
    return retired
