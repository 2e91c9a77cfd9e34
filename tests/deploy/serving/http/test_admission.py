from __future__ import annotations

import asyncio
import http.client
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from deploy.serving.errors import Problem
from deploy.serving.http.admission import LARGEST_BODIES, Admission
from tests.deploy.serving.house import House

LIMIT = 1000


def request(*chunks: bytes, **headers: str) -> Request:
    """A request whose body comes in these chunks; more than they are never asked for."""
    left = list(chunks)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": listed}, receive)


def test_a_body_is_read_to_its_end_and_counted_as_long_as_the_request_lasts() -> None:
    admission = Admission(max_requests=1, max_body_bytes=LIMIT)
    with admission.enter() as ticket:
        asyncio.run(admission.read(request(*[b"x"] * LIMIT), ticket))
        assert ticket.body == b"x" * LIMIT
        admission.hold(ticket, 300)
        admission.hold(ticket, 500)  # the champion reads anew what a canary has read
        assert (admission.requests, admission.bytes) == (1, LIMIT + 500)
    assert (admission.requests, admission.bytes) == (0, 0)


@pytest.mark.parametrize(
    "came",
    [request(content_length=str(LIMIT + 1)), request(content_length="9" * 18), request(b"x" * LIMIT, b"x")],
    ids=["announced", "announced hugely", "not announced"],
)
def test_a_body_above_the_limit_is_a_413_and_one_that_announces_it_is_not_read(came: Request) -> None:
    admission = Admission(max_requests=1, max_body_bytes=LIMIT)
    with (
        pytest.raises(Problem, match="larger than 1000 bytes, came .*serving.max_body_bytes") as caught,
        admission.enter() as ticket,
    ):
        asyncio.run(admission.read(came, ticket))
    assert caught.value.status == 413 and caught.value.close
    assert admission.bytes == 0


@pytest.mark.parametrize("lie", ["-5", "²", "1e9", "", "7"])
def test_a_false_announcement_changes_nothing(lie: str) -> None:
    admission = Admission(max_requests=1, max_body_bytes=LIMIT)
    headers = [(b"content-length", lie.encode("latin-1"))]
    told = request(b"x" * LIMIT)
    told.scope["headers"] = headers
    with admission.enter() as ticket:
        asyncio.run(admission.read(told, ticket))
        assert len(ticket.body) == LIMIT


def test_what_is_made_of_bodies_counts_like_bodies() -> None:
    admission = Admission(max_requests=9, max_body_bytes=LIMIT)
    with admission.enter() as first, admission.enter() as second:
        admission.hold(first, LARGEST_BODIES * LIMIT)
        with pytest.raises(Problem, match="4000 bytes are the limit .4 x serving.max_body_bytes") as caught:
            admission.hold(second, 1)
        assert caught.value.status == 503
    assert admission.bytes == 0


def test_a_request_that_announces_a_terabyte_is_answered_before_it_sends_any(
    house: House, start: Callable[..., httpx.Client]
) -> None:
    house.publish(champion=house.add_version("1", seed=1))
    address = start().base_url
    connection = http.client.HTTPConnection(address.host, address.port or 80, timeout=120)
    connection.putrequest("POST", "/v1/score")
    connection.putheader("Content-Length", "1000000000000")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    assert b"came one of 1000000000000: send fewer images in it (serving.max_body_bytes)" in answer.read()
    connection.close()
