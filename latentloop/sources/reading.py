"""Bounded parallel reads that keep their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from latentloop.sources.found import Found, Outcome, Source

IN_FLIGHT_BYTES = 16 * 2**20
"""What may be read and not taken yet; a larger file is read alone."""


def read_in_order(
    source: Source, found: Iterator[Found], most_bytes: int, in_flight_bytes: int = IN_FLIGHT_BYTES
) -> Iterator[tuple[Found, Outcome]]:
    """Each with what is in it, in the order given; some are read ahead where the source gains by it."""
    if source.reads_at_once == 1:
        for each in found:
            yield each, source.read(each, most_bytes)
        return
    waiting: deque[tuple[Found, Future[Outcome]]] = deque()
    pool = ThreadPoolExecutor(source.reads_at_once, thread_name_prefix="reading")
    try:
        for each in found:
            while waiting and _is_full(waiting, each, source.reads_at_once, in_flight_bytes):
                yield _first(waiting)
            waiting.append((each, pool.submit(source.read, each, most_bytes)))
        while waiting:
            yield _first(waiting)
    finally:
        pool.shutdown(cancel_futures=True)


def _is_full(waiting: deque[tuple[Found, Future[Outcome]]], another: Found, at_once: int, in_flight_bytes: int) -> bool:
    held = sum(each.size_bytes for each, _ in waiting)
    return len(waiting) >= 2 * at_once or held + another.size_bytes > in_flight_bytes


def _first(waiting: deque[tuple[Found, Future[Outcome]]]) -> tuple[Found, Outcome]:
    found, future = waiting.popleft()
    return found, future.result()
