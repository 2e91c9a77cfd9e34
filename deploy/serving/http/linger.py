"""An answer to somebody who is still sending: it goes out, and what comes is thrown away before the connection closes.

To close a connection on which unread bytes lie resets it, and most clients send all of a body before they read: they
would see `connection reset` in place of the reason. Nginx calls this lingering_close, and has the same seconds.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from deploy.serving.errors import Problem
from deploy.serving.http.departure import FAREWELL_S, Departure

# Seconds in all (nginx's lingering_time), and without a byte (twice its lingering_timeout, for a busy client).
LINGER_S = 30.0
SILENT_S = 10.0
# Largest bodies that are thrown away for one answer: 1 GiB by default, a second on a fast network.
LINGER_BODIES = 16


class LastResponse(Response):
    """The last answer of a connection, whose request was not read to its end.

    Reading on ends after `most_bytes`, after `longest_s` in all, and after `silent_s` without a byte.
    """

    def __init__(
        self,
        answer: Response,
        departure: Departure,
        *,
        most_bytes: int,
        longest_s: float = LINGER_S,
        silent_s: float = SILENT_S,
    ) -> None:
        super().__init__(answer.body, answer.status_code, media_type=answer.media_type)
        self.headers.update(answer.headers)
        self.headers["Connection"] = "close"
        self._departure, self._most_bytes = departure, most_bytes
        self._longest_s, self._silent_s = longest_s, silent_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the whole answer, read on within the bounds, close."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with suppress(TimeoutError, Problem):
            async with self._departure.limit(FAREWELL_S), asyncio.timeout(self._longest_s):
                await self._throw_away(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _throw_away(self, receive: Receive) -> None:
        left = self._most_bytes
        while left > 0:
            async with asyncio.timeout(self._silent_s):
                message = await receive()
            if not message.get("more_body"):  # the end of the body, or of the connection
                return
            left -= len(message["body"])
