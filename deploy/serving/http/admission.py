"""How much may be in flight: requests, and bytes of their bodies and images, so that memory is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from deploy.serving.errors import Problem

# Bodies of the largest size that may be in memory at once: 256 MiB by default.
LARGEST_BODIES = 4


class Admission:
    """Counts what is in flight; lives on the event loop, so it needs no lock."""

    def __init__(self, *, max_requests: int, max_body_bytes: int) -> None:
        self._max_requests = max_requests
        self._max_body_bytes = max_body_bytes
        self._max_bytes = LARGEST_BODIES * max_body_bytes
        self.requests = 0
        self.bytes = 0

    @contextmanager
    def enter(self) -> Iterator[Ticket]:
        """Take a place for one request; `Problem` 503 when there is none."""
        if self.requests >= self._max_requests:
            raise Problem(503, f"{self.requests} requests are in work, which is the limit; try again", close=True)
        self.requests += 1
        ticket = Ticket()
        try:
            yield ticket
        finally:
            self.requests -= 1
            self.bytes -= ticket.taken + ticket.held

    async def read(self, request: Request, ticket: Ticket) -> None:
        """Read the body into the ticket no further than the limit, and nothing of one that announces more.

        Raises `Problem` 413 for a body over the limit, 503 when what is in memory reaches its own.
        """
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and len(announced) < 19 and int(announced) > self._max_body_bytes:
            raise self._too_large(f"came one of {int(announced)}")
        # one buffer: a list of chunks of one byte would take fifty
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            ticket.taken += len(chunk)
            self.bytes += len(chunk)
            if ticket.taken > self._max_body_bytes:
                raise self._too_large("came more")
            self._require_room(close=True)
        ticket.body = bytes(body)

    def hold(self, ticket: Ticket, size: int) -> None:
        """Count the bytes that were made of the body, in place of those counted before; `Problem` 503 as above."""
        self.bytes += size - ticket.held
        ticket.held = size
        self._require_room(close=False)

    def _require_room(self, *, close: bool) -> None:
        if self.bytes > self._max_bytes:
            raise Problem(
                503,
                f"too many large bodies at once, {self._max_bytes} bytes are the limit ({LARGEST_BODIES} x "
                "serving.max_body_bytes); try again",
                close=close,
            )

    def _too_large(self, came: str) -> Problem:
        return Problem(
            413,
            f"the body is larger than {self._max_body_bytes} bytes, {came}: send fewer images in it "
            "(serving.max_body_bytes)",
            close=True,
        )


class Ticket:
    """The place of one request: its body, the bytes of that so far, and those of what was made of it."""

    def __init__(self) -> None:
        self.body = b""
        self.taken = 0
        self.held = 0
