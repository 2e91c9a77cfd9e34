"""How much of a codebook is used over many batches; a batch alone caps both figures by its own tokens."""

from __future__ import annotations

import torch


class CodeUsage:
    """Counts (K,) int64 of the codes chosen since the start of an epoch, on the device; add those of ranks to merge."""

    def __init__(self, codes: int, device: torch.device | str = "cpu") -> None:
        self.counts = torch.zeros(codes, dtype=torch.int64, device=device)

    def add(self, indices: torch.Tensor) -> None:
        """Count indices of any shape."""
        flat = indices.flatten()
        self.counts.index_add_(0, flat, torch.ones_like(flat))

    @property
    def used(self) -> int:
        """Codes chosen at least once; higher is better, K at most."""
        return int((self.counts > 0).sum())

    @property
    def perplexity(self) -> float:
        """Exponential of the entropy of the codes' frequencies: 1 to K, higher is better; NaN before a token."""
        shares = self.counts.double() / self.counts.sum()
        return float(torch.exp(-torch.xlogy(shares, shares).sum()))
