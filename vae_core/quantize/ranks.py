"""The processes that train one codebook together: the one seam through which their sums and choices pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch


def _alone(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


@dataclass(frozen=True, slots=True)
class Ranks:
    """Process `rank` of `size`; `add` sums a float32 tensor over all of them and gives each the same result.

    A row of all processes' tokens, which are as many on each, has the number rank · n + its row: with generators of
    the same state they choose what one process with all the tokens would choose.
    """

    rank: int = 0
    size: int = 1
    add: Callable[[torch.Tensor], torch.Tensor] = _alone

    def gather(self, values: torch.Tensor) -> torch.Tensor:
        """Everybody's values: (n,) become (size · n,), in the order of the ranks."""
        if self.size == 1:
            return values
        table = values.new_zeros(self.size, len(values))
        table[self.rank] = values
        return self.add(table).flatten()

    def take(self, rows: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Rows (len(chosen), d) of all processes' rows (n, d) each, by their numbers among all of them."""
        if self.size == 1:
            return rows.index_select(0, chosen)
        own = chosen - self.rank * len(rows)
        mine = (own >= 0) & (own < len(rows))
        return self.add(torch.where(mine[:, None], rows.index_select(0, own.clamp(0, len(rows) - 1)), 0.0))


ALONE = Ranks()
"""One process."""
