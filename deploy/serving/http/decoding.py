"""The threads in which bodies are parsed, decoded and judged, and long answers written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import TypeVar

from deploy.serving.errors import Problem

# Bytes above which a body is large: an image of 28x28 as JSON floats has 15 KB, a photograph as a file some 100.
LARGE_BYTES = 256 * 1024
Result = TypeVar("Result")


class Decoding:
    """Runs work in `threads` threads. Large bodies leave one of them to the small, where there are two.

    Nobody waits for a thread longer than `wait_s` seconds. Work that has begun is never given up, for a thread cannot
    be stopped: the limits of bodies bound it. Lives on the event loop.
    """

    def __init__(self, threads: int, wait_s: float) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="serving-decode")
        self._wait_s = wait_s
        self._free = asyncio.Semaphore(threads)
        self._free_to_large = asyncio.Semaphore(max(1, threads - 1))

    async def run(self, work: Callable[[], Result], *, body_bytes: int) -> Result:
        """Do the work for a body of this size; `Problem` 503 when no thread gets free in time."""
        async with AsyncExitStack() as places:
            try:
                async with asyncio.timeout(self._wait_s):
                    if body_bytes > LARGE_BYTES:
                        await places.enter_async_context(self._free_to_large)
                    await places.enter_async_context(self._free)
            except TimeoutError as error:
                raise Problem(
                    503,
                    f"no thread was free to read the body within {self._wait_s:g} s (serving.decode_wait_s, "
                    "serving.decode_threads); try again",
                ) from error
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def stop(self) -> None:
        """End the threads; waits for work that has begun."""
        self._threads.shutdown()
