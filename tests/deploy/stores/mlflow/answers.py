"""A server that answers as MLflow does, with TLS or without, and remembers what it was asked."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

ACCESS = (
    "USERNAME", "PASSWORD", "TOKEN", "AUTH", "AWS_SIGV4", "INSECURE_TLS", "SERVER_CERT_PATH", "CLIENT_CERT_PATH",
)  # fmt: skip
NONE_YET = (200, '{"model_versions": []}')


def forget_access(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """No word for any server, neither in a variable nor at home."""
    monkeypatch.setenv("HOME", str(home))
    for each in (*(f"MLFLOW_TRACKING_{name}" for name in ACCESS), "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(each, raising=False)


@dataclass(frozen=True)
class Question:
    """What came with one request; `asker` is the certificate of whoever sent it."""

    method: str
    path: str
    headers: Message
    body: bytes
    asker: Any


@dataclass
class Answering:
    """A running server."""

    url: str
    answers: list[tuple[int, str]]
    asked: list[Question] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asker = self.request.getpeercert() if isinstance(self.request, ssl.SSLSocket) else None
        there = self.server.answering
        there.asked.append(Question(self.command, self.path, self.headers, body, asker))
        status, answer = there.answers.pop(0) if there.answers else NONE_YET
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    do_POST = do_GET

    def log_message(self, *about: object) -> None:
        pass


class _Server(HTTPServer):
    answering: Answering

    def finish_request(self, request: Any, client_address: Any) -> None:
        if isinstance(request, ssl.SSLSocket):
            try:
                request.do_handshake()
            except OSError:
                # read on: what is closed with words unread resets the connection, and the other side hears no reason
                with socket.socket(fileno=request.detach()) as plain:
                    while plain.recv(65536):
                        pass
                return
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # the other side went away: its own error says why


@contextmanager
def answering(*answers: tuple[int, str], context: ssl.SSLContext | None = None) -> Iterator[Answering]:
    """Give these answers on loopback, one after the other, and then that there is no version yet."""
    with _Server(("127.0.0.1", 0), _Handler) as there:
        scheme = "http"
        if context is not None:
            scheme = "https"
            there.socket = context.wrap_socket(there.socket, server_side=True, do_handshake_on_connect=False)
        there.answering = Answering(f"{scheme}://127.0.0.1:{there.server_port}", list(answers))
        thread = threading.Thread(target=there.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield there.answering
        finally:
            there.shutdown()
            thread.join()
