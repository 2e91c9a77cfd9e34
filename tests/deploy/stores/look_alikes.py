"""Servers that speak as much S3 as is needed to be taken for one, and treat conditions as many look-alikes do."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from deploy.stores.objects.opening import open_objects
from deploy.stores.objects.port import ObjectStore

Manner = Literal["heeds", "ignores", "ignores If-Match", "answers 501", "answers 400", "refuses all"]
_CODES = {501: "NotImplemented", 400: "NotImplemented", 412: "PreconditionFailed", 404: "NoSuchKey"}


@dataclass
class LookAlike:
    """A running server: its address, what it holds, and the requests that it got."""

    endpoint_url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def options(self) -> dict[str, Any]:
        """Give what `open_objects` wants beside the URL."""
        return {"endpoint_url": self.endpoint_url, "access_key": "k", "secret_key": "s"}

    def open(self, url: str = "s3://bucket/prefix") -> ObjectStore:
        """Open a store on it."""
        return open_objects(url, **self.options())


@contextlib.contextmanager
def look_alike(manner: Manner) -> Iterator[LookAlike]:
    """Run one in this process."""
    kept = LookAlike()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(manner, kept))
    kept.endpoint_url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(manner: Manner, kept: LookAlike) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kept.requests.append(f"PUT {self.path}")
            if refusal := self._refusal():
                self._answer(refusal)
                return
            kept.objects[self.path] = data
            self._answer(200, etag=_etag(data))

        def do_DELETE(self) -> None:
            kept.requests.append(f"DELETE {self.path}")
            kept.objects.pop(self.path, None)
            self._answer(204)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            kept.requests.append(f"{self.command} {self.path}")
            data = kept.objects.get(self.path)
            self._answer(404) if data is None else self._answer(200, data, _etag(data))

        def _refusal(self) -> int | None:
            absent, match = self.headers.get("If-None-Match"), self.headers.get("If-Match")
            if manner == "ignores" or (absent is None and match is None):
                return None
            if manner.startswith("answers"):
                return int(manner.removeprefix("answers "))
            there = kept.objects.get(self.path)
            if manner == "refuses all" or (absent is not None and there is not None):
                return 412
            stale = match is not None and (there is None or match != _etag(there))
            return 412 if stale and manner == "heeds" else None

        def _answer(self, status: int, data: bytes = b"", etag: str = "") -> None:
            if status >= 400:
                data = f"<Error><Code>{_CODES[status]}</Code><Message>no</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            if etag:
                self.send_header("ETag", etag)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    return Handler


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'
