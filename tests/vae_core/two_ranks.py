"""Two processes that train one model, as two threads that add through a meeting point."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from vae_core.ranks import Ranks

T = TypeVar("T")
SIZE = 2


def run_on_two(work: Callable[[Ranks], T]) -> list[T]:
    """Do the work on both ranks at once; what each answered."""
    meeting, brought = threading.Barrier(SIZE, timeout=240), [torch.empty(0)] * SIZE

    def rank(number: int) -> T:
        def add(tensor: torch.Tensor) -> torch.Tensor:
            brought[number] = tensor
            meeting.wait()
            total = brought[0] + brought[1]
            meeting.wait()
            return total

        try:
            return work(Ranks(number, SIZE, add))
        except BaseException:
            meeting.abort()
            raise

    with ThreadPoolExecutor(SIZE) as pool:
        return list(pool.map(rank, range(SIZE)))
