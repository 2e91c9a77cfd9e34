"""CPU seconds on one thread: the only clock that means something on a shared machine."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch and the BLAS of numpy and scipy to one thread, so that peers are compared on equal terms."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def measure_interleaved(
    contestants: Mapping[str, Callable[[], float]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Run every contestant once a round, so that a busy moment meets all of them.

    Answers the CPU seconds of each round, and what each contestant computed last.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    values: dict[str, float] = {}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            begun = time.process_time()
            values[name] = contestant()
            seconds[name].append(time.process_time() - begun)
    return seconds, values
