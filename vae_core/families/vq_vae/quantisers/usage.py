"""How much of a codebook is used over many batches; a batch alone caps both figures by its own tokens."""

from __future__ import annotations

import torch

from vae_core.ranks import ALONE, Ranks


class CodeUsage:
    """Counts (K,) int64 of the codes chosen since the start of an epoch, by all ranks, on the device."""

    def __init__(self, codes: int, device: torch.device | str = "cpu", ranks: Ranks = ALONE) -> None:
        self._ranks = ranks
        self.counts = torch.zeros(codes, dtype=torch.int64, device=device)

    def add(self, indices: torch.Tensor) -> None:
        """Count indices of any shape."""
        flat = indices.flatten()
        if self._ranks.size == 1:
            self.counts.index_add_(0, flat, torch.ones_like(flat))
        else:
            self.counts += self._ranks.add(torch.zeros_like(self.counts).index_add_(0, flat, torch.ones_like(flat)))

    @property
    def used(self) -> int:
        """Codes chosen at least once; higher is better, K at most."""
        return int((self.counts > 0).sum())

    @property
    def perplexity(self) -> float:
        """Exponential of the entropy of the codes' frequencies: 1 to K, higher is better; NaN before a token."""
        shares = self.counts.double() / self.counts.sum()
        return float(torch.exp(-torch.xlogy(shares, shares).sum()))
