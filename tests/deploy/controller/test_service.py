"""What a service says of itself, and what is made of an answer that nobody expects."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deploy.controller.service import Service
from deploy.delivery.steps import ServiceView
from tests.deploy.controller.world import nowhere

READY = {
    "release_epoch": 4,
    "slots": {"champion": {"version": "1", "digest": "d1", "loaded_at": "2026-01-01T00:00:00Z"}},
    "errors": [{"where": "shadow", "message": "weights are damaged"}],
}


@contextmanager
def answering(body: bytes) -> Iterator[Service]:
    """Run a server that gives this body to everybody."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    service = Service(f"http://127.0.0.1:{server.server_port}")
    try:
        yield service
    finally:
        service._client.close()
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_a_replica_has_loaded_and_what_troubles_it() -> None:
    with answering(json.dumps(READY).encode()) as service:
        found = service.view()
    assert found == ServiceView(True, 4, {"1": "d1"}, {"shadow": "weights are damaged"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"null",
        b"7",
        b"[]",
        b"{}",
        b'{"detail": "Not Found"}',
        *(json.dumps({**READY, name: value}).encode() for name in READY for value in (None, "x", [3], {"a": 1})),
    ],
)
def test_an_answer_that_is_not_ours_is_a_service_that_is_not_there(body: bytes) -> None:
    with answering(body) as service:
        assert service.view() == ServiceView(reachable=False)


def test_an_absent_service_is_a_fact() -> None:
    service = Service(nowhere())
    assert service.view() == ServiceView(reachable=False)
    service._client.close()
