"""Who asks: the id of a request is the client's where logs can hold it."""

from __future__ import annotations

import httpx
import pytest

from tests.deploy.serving.house import pictures, png


@pytest.mark.parametrize("bad", ["", "x" * 101, "two words", "nul\\x00", "ünï"])
def test_a_request_id_that_is_no_plain_word_is_replaced(client: httpx.Client, bad: str) -> None:
    headers = [(b"content-type", b"image/png"), (b"x-request-id", bad.encode())]
    answered = client.post("/v1/encode", content=png(pictures(1)[0]), headers=headers).json()["request_id"]
    assert answered != bad and len(answered) == 32
