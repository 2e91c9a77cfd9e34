"""The processes that train one model together: the one seam through which their sums and choices pass.

A batch is cut into as many equal parts as there are processes. Everything random is drawn for the whole batch by
everybody, from generators of the same state, and everybody takes the rows of his part: so that N processes do what
one would do with the whole batch, up to the rounding of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import distributed

from vae_core.errors import DataError


def _alone(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


@dataclass(frozen=True, slots=True)
class Ranks:
    """Process `rank` of `size`; `add` sums a tensor over all of them and gives each the same result, bit for bit.

    A row of all processes' tokens, which are as many on each, has the number rank · n + its row: with generators of
    the same state they choose what one process with all the tokens would choose.
    """

    rank: int = 0
    size: int = 1
    add: Callable[[torch.Tensor], torch.Tensor] = _alone

    @classmethod
    def of_group(cls, group: distributed.ProcessGroup | None = None) -> Ranks:
        """Those of a process group of `torch.distributed` that was begun (gloo for CPUs, NCCL for GPUs).

        DataError where none was.
        """
        if not distributed.is_available() or not distributed.is_initialized():
            raise DataError("ranks: no process group was begun; call torch.distributed.init_process_group first")

        on_gpu = distributed.get_backend(group) == "nccl"

        def add(tensor: torch.Tensor) -> torch.Tensor:
            total = tensor.detach().contiguous().clone()
            total = total.cuda() if on_gpu else total
            distributed.all_reduce(total, group=group)
            return total.to(tensor.device)

        return cls(distributed.get_rank(group), distributed.get_world_size(group), add)

    def own(self, everyone: torch.Tensor) -> torch.Tensor:
        """Take the part of this process from the rows (size · n, …) of a whole batch: (n, …)."""
        if self.size == 1:
            return everyone
        rows = len(everyone) // self.size
        return everyone[self.rank * rows : (self.rank + 1) * rows]

    def mean(self, tensor: torch.Tensor) -> torch.Tensor:
        """The mean over all processes of what each has."""
        return tensor if self.size == 1 else self.add(tensor) / self.size

    def first(self, number: float) -> float:
        """What the first process says, for all: clocks differ."""
        return number if self.size == 1 else float(self.gather(torch.tensor([number], dtype=torch.float64))[0])

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


class Shared(Protocol):
    """A model in training, which knows with whom."""

    ranks: Ranks


@contextmanager
def looked_at_alone(model: Shared) -> Iterator[None]:
    """Let every process pass the same whole images, and draw the same noise for them, while a model is looked at."""
    ranks, model.ranks = model.ranks, ALONE
    try:
        yield
    finally:
        model.ranks = ranks
