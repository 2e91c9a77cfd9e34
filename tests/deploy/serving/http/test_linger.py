"""Clients that send all of a body before they read: they read why it was refused, and who never ends is cut off."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import requests
import uvicorn
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from deploy.serving.http.departure import Departure
from deploy.serving.http.linger import LINGER_BODIES, LastResponse
from deploy.serving.run import listen
from tests.deploy.serving.house import House, wait_until

LIMIT = 4 * 1024**2
BODY = bytes(40 * 1024**2)
"""More than the buffers of a loopback connection hold, less than is thrown away for one answer."""
WORDS = f"the body is larger than {LIMIT} bytes"


@pytest.fixture
def url(house: House, start: Callable[..., httpx.Client]) -> str:
    return str(start(ready=False, max_body_bytes=LIMIT).base_url).rstrip("/")


def by_httpx(url: str, body: bytes, folder: Path) -> tuple[int, str]:
    answer = httpx.post(url, content=body, timeout=120)
    return answer.status_code, answer.text


def by_httpx_in_chunks(url: str, body: bytes, folder: Path) -> tuple[int, str]:
    def chunks() -> Iterator[bytes]:
        yield from (body[start : start + 65536] for start in range(0, len(body), 65536))

    answer = httpx.post(url, content=chunks(), timeout=120)
    return answer.status_code, answer.text


def by_requests(url: str, body: bytes, folder: Path) -> tuple[int, str]:
    answer = requests.post(url, data=body, timeout=120)
    return answer.status_code, answer.text


def by_the_standard_library(url: str, body: bytes, folder: Path) -> tuple[int, str]:
    address = httpx.URL(url)
    connection = http.client.HTTPConnection(address.host, address.port or 80, timeout=120)
    connection.request("POST", address.path, body)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def by_curl(url: str, body: bytes, folder: Path) -> tuple[int, str]:
    (folder / "body").write_bytes(body)
    told = ["--data-binary", f"@{folder / 'body'}", "--header", "Expect:", "--write-out", "\n%{http_code}", url]
    done = subprocess.run(["curl", "--silent", *told], capture_output=True, text=True, timeout=240)
    text, _, status = done.stdout.rpartition("\n")
    return int(status), text


@pytest.mark.parametrize(
    "post",
    [
        by_httpx,
        by_httpx_in_chunks,
        by_requests,
        by_the_standard_library,
        pytest.param(by_curl, marks=pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")),
    ],
)
def test_an_ordinary_client_reads_why_its_body_is_too_large(
    url: str, post: Callable[[str, bytes, Path], tuple[int, str]], tmp_path: Path
) -> None:
    status, text = post(f"{url}/v1/score", BODY, tmp_path)

    assert status == 413
    assert json.loads(text)["detail"].startswith(WORDS)


def test_who_never_ends_is_cut_off_and_the_next_is_answered(url: str) -> None:
    address = httpx.URL(url)
    piece = bytes(1024**2)
    with socket.create_connection((address.host, address.port or 80), timeout=240) as connection:
        connection.sendall(b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n")
        with pytest.raises(OSError, match="reset|Broken pipe"):
            for _ in range(10 * LINGER_BODIES * LIMIT // len(piece)):
                connection.sendall(piece)
    assert httpx.get(f"{url}/healthz", timeout=120).status_code == 200


@contextmanager
def refusing(**bounds: float) -> Iterator[httpx.URL]:
    """A server that refuses whatever comes, and reads on within these bounds."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        answer = LastResponse(JSONResponse(WORDS, 413), Departure(), most_bytes=LIMIT, **bounds)
        await answer(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(refuse, lifespan="off", log_config=None))
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            wait_until(lambda: server.started, "the start of the server")
            yield httpx.URL("http://{}:{}".format(*listener.getsockname()))
        finally:
            server.should_exit = True
            thread.join()


@pytest.mark.parametrize("bound", ["longest_s", "silent_s"], ids=["in all", "without a byte"])
def test_who_sends_slowly_or_nothing_is_cut_off_too(bound: str) -> None:
    with (
        refusing(**{bound: 0.2}) as address,
        socket.create_connection((address.host, address.port or 80), timeout=240) as connection,
    ):
        connection.sendall(b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n")
        if bound == "longest_s":
            with pytest.raises(OSError, match="reset|Broken pipe"):
                while True:
                    connection.sendall(b"x")
                    time.sleep(0.02)
            return
        answer = b""
        while received := connection.recv(65536):
            answer += received
    assert answer.startswith(b"HTTP/1.1 413 ") and WORDS.encode() in answer
