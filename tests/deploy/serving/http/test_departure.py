from __future__ import annotations

import asyncio

import pytest

from deploy.serving.errors import Problem
from deploy.serving.http.departure import Departure


async def _wait(departure: Departure, seconds: float, entered: asyncio.Event) -> str:
    async with departure.limit(seconds):
        entered.set()
        await asyncio.sleep(3600)
    return "over"


def test_what_lasts_too_long_after_the_end_has_begun_is_a_503_that_closes() -> None:
    async def story() -> None:
        departure, entered = Departure(), asyncio.Event()
        waiting = asyncio.create_task(_wait(departure, 0.01, entered))
        await entered.wait()
        await asyncio.sleep(0.1)
        assert not waiting.done(), "before the end there is no limit"
        departure.require_open()
        departure.begin()
        with pytest.raises(Problem, match="is ending: send the request again") as refused:
            await waiting
        assert refused.value.status == 503 and refused.value.close
        with pytest.raises(Problem, match="is ending"):
            departure.require_open()
        with pytest.raises(Problem, match="is ending"):  # a second one, that comes when its time is over
            await _wait(departure, 0, asyncio.Event())

    asyncio.run(story())


def test_who_is_done_in_time_hears_nothing_and_a_cancelled_one_stays_cancelled() -> None:
    async def story() -> None:
        departure, entered = Departure(), asyncio.Event()
        departure.begin()
        async with departure.limit(3600):
            await asyncio.sleep(0)
        waiting = asyncio.create_task(_wait(departure, 3600, entered))
        await entered.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(story())
