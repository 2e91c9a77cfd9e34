"""The end of a replica, as a request sees it: nothing new is taken, what is there gets so many seconds more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.serving.errors import Problem

# Seconds that a body gets that is still coming when the end begins: the largest takes half of it at 250 Mbit/s, and who
# sends a byte a second must not hold a replica until the supervisor kills it.
BODY_S = 4.0
# Seconds that an answered client gets to read a refusal, counted from the same moment.
FAREWELL_S = BODY_S + 1.0


class Departure:
    """Says whether the end has begun, and ends what takes too long from then on. Belongs to the event loop."""

    def __init__(self) -> None:
        self._begun_at: float | None = None
        self._stays: dict[asyncio.Timeout, float] = {}

    def begin(self) -> None:
        """Begin the end; a second time changes nothing."""
        if self._begun_at is None:
            self._begun_at = asyncio.get_running_loop().time()
            for stay, seconds in self._stays.items():
                stay.reschedule(self._begun_at + seconds)

    def require_open(self) -> None:
        """`Problem` 503 for what comes after the end has begun."""
        if self._begun_at is not None:
            raise _ending()

    @asynccontextmanager
    async def limit(self, seconds: float) -> AsyncIterator[None]:
        """Let the block last as long as it likes, but `seconds` after the end has begun `Problem` 503 ends it."""
        async with asyncio.timeout(None) as stay:
            if self._begun_at is not None:
                stay.reschedule(self._begun_at + seconds)
            self._stays[stay] = seconds
            try:
                yield
            except asyncio.CancelledError as error:
                if stay.expired():
                    raise _ending() from error
                raise
            finally:
                del self._stays[stay]


def _ending() -> Problem:
    return Problem(503, "this replica is ending: send the request again, to another one or later", close=True)
