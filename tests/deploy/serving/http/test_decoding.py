from __future__ import annotations

import asyncio
import threading

import pytest

from deploy.serving.errors import Problem
from deploy.serving.http.decoding import LARGE_BYTES, Decoding


def test_nobody_waits_for_a_thread_longer_than_is_allowed_and_it_is_free_again_afterwards() -> None:
    async def story() -> None:
        decoding, end = Decoding(threads=1, wait_s=0.05), threading.Event()
        long = asyncio.create_task(decoding.run(lambda: end.wait(60), body_bytes=1))
        await asyncio.sleep(0)
        with pytest.raises(Problem, match=r"within 0.05 s \(serving.decode_wait_s, serving.decode_threads\)") as caught:
            await decoding.run(lambda: None, body_bytes=1)
        assert caught.value.status == 503
        end.set()
        assert await long is True
        assert await decoding.run(lambda: "free", body_bytes=LARGE_BYTES + 1) == "free"
        decoding.stop()

    asyncio.run(story())


def test_large_bodies_leave_a_thread_to_small_ones() -> None:
    async def story() -> None:
        decoding, end = Decoding(threads=2, wait_s=60), threading.Event()
        large = [asyncio.create_task(decoding.run(lambda: end.wait(60), body_bytes=LARGE_BYTES + 1)) for _ in range(3)]
        await asyncio.sleep(0)
        # with both threads taken by large bodies this would wait for `end`, which nobody would set
        assert await decoding.run(lambda: "small", body_bytes=LARGE_BYTES) == "small"
        assert not any(task.done() for task in large)
        end.set()
        assert await asyncio.gather(*large) == [True] * 3
        decoding.stop()

    asyncio.run(story())


def test_work_that_fails_gives_its_thread_back() -> None:
    async def story() -> None:
        decoding = Decoding(threads=1, wait_s=60)
        for body_bytes in (1, LARGE_BYTES + 1, 1):
            with pytest.raises(ZeroDivisionError):
                await decoding.run(lambda: 1 // 0, body_bytes=body_bytes)
        decoding.stop()

    asyncio.run(story())
