"""How much may be in flight: requests and body bytes, so that memory stays bounded whatever arrives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from deploy.serving.errors import Problem

# Bodies of the largest size that may be in memory at once.
LARGEST_BODIES = 8


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
            self.bytes -= ticket.taken

    async def read(self, request: Request, ticket: Ticket) -> bytes:
        """Read the body no further than the limit, whatever its Content-Length says.

        Raises `Problem` 413 for a body over the limit, 503 when the bodies in memory reach theirs.
        """
        chunks = []
        async for chunk in request.stream():
            chunks.append(chunk)
            ticket.taken += len(chunk)
            self.bytes += len(chunk)
            if ticket.taken > self._max_body_bytes:
                raise Problem(
                    413,
                    f"the body is larger than {self._max_body_bytes} bytes; send fewer images in it",
                    close=True,
                )
            if self.bytes > self._max_bytes:
                raise Problem(503, "too many large bodies at once; try again", close=True)
        return b"".join(chunks)


class Ticket:
    """The place of one request, and the bytes of its body so far."""

    def __init__(self) -> None:
        self.taken = 0
