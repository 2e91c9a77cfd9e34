"""The end of a replica under load: a process of its own, a real SIGTERM, clients that do not stop."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections import Counter

import httpx
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.deploy.serving.house import House, pictures, png, running, wait_until
from tests.deploy.serving.process import Replica, environment, started

KEPT, FRESH = 4, 2


class Senders:
    """Clients that never stop by themselves: some keep their connection, some open one a request."""

    def __init__(self, url: str) -> None:
        self._url, self._stop = url, threading.Event()
        self._body = png(pictures(1, seed=9)[0])
        self.answers: Counter[int] = Counter()
        self.odd: list[str] = []
        self.cut_off_before = 0
        self.ending = False
        self.threads = [threading.Thread(target=self._send, args=(number < KEPT,)) for number in range(KEPT + FRESH)]

    def __enter__(self) -> Senders:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *failed: object) -> None:
        self._stop.set()
        for thread in self.threads:
            thread.join()

    def _send(self, keeps: bool) -> None:
        limits = httpx.Limits(max_keepalive_connections=1 if keeps else 0)
        with httpx.Client(base_url=self._url, timeout=240, limits=limits) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post("/v1/score", content=self._body)
                except httpx.TransportError:
                    self.cut_off_before += not self.ending
                    time.sleep(0.1)
                    continue
                self.answers[answer.status_code] += 1
                if answer.status_code != 200 and "replica is ending" not in answer.text:
                    self.odd.append(answer.text)


def trickle(replica: Replica) -> socket.socket:
    """Begin a request whose body is announced and never ends."""
    address = httpx.URL(replica.url)
    connection = socket.create_connection((address.host, address.port or 80), timeout=240)
    connection.sendall(b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\nsome")
    return connection


def read_to_the_end(connection: socket.socket) -> bytes:
    answer = b""
    while received := connection.recv(65536):
        answer += received
    return answer


def test_sigterm_under_load_answers_what_is_in_flight_refuses_the_rest_and_loses_no_row(house: House) -> None:
    house.publish(champion=house.add_version("1", seed=1))
    with (
        started(house, serving__graceful_shutdown_s="240", serving__final_flush_s="240") as replica,
        trickle(replica) as slow,
        Senders(replica.url) as senders,
    ):
        wait_until(lambda: senders.answers[200] > 50, "answers")
        senders.ending = True
        assert replica.terminate() == 0
        told = read_to_the_end(slow)
    assert set(senders.answers) <= {200, 503} and senders.odd == []
    assert senders.cut_off_before == 0
    assert told.startswith(b"HTTP/1.1 503 ") and b"this replica is ending: send the request again" in told
    assert len(house.rows().refusal) == senders.answers[200]
    log = replica.log()
    assert "Cancel" not in log and "Traceback" not in log and "not written" not in log


class Overlooked(HttpToolsProtocol):
    """A connection that is accepted just after uvicorn has looked at all of them: the first look passes it by."""

    looks = 0

    def shutdown(self) -> None:
        self.looks += 1
        if self.looks > 1:
            super().shutdown()


def test_a_connection_that_is_never_used_does_not_hold_the_end(house: House) -> None:
    with running(house, ready=False, http=Overlooked, graceful_shutdown_s=10_000) as (client, _):
        address = client.base_url
        idle = socket.create_connection((address.host, address.port or 80), timeout=240)
        client.get("/healthz")
    with idle:
        assert read_to_the_end(idle) == b""


def test_a_taken_port_is_one_line_and_an_exit_code(house: House) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "deploy.serving", "--port", str(port)]
        ended = subprocess.run(command, env=environment(house), capture_output=True, text=True, timeout=240)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr and "another --port" in ended.stderr
