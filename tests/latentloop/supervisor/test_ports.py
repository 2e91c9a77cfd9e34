"""Ports that are held, and the proof of who listens on them, with real sockets and real processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from latentloop.supervisor.ports import HeldPort, Owner, hold_port, owner_of, port_is_free, somebody_listens
from tests.latentloop.supervisor.stage import GENEROUS_S, SERVE, command


@pytest.fixture
def held() -> Iterator[HeldPort]:
    port = hold_port()
    yield port
    port.release()


def listener(port: int) -> socket.socket:
    """As every server of ours listens: with SO_REUSEADDR."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    made.listen()
    return made


def serving(folder: Path, port: int, code: str = SERVE) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command(folder, "server", code), env={**os.environ, "PORT": str(port)})
    deadline = time.monotonic() + GENEROUS_S / 2
    while not somebody_listens(port):
        assert process.poll() is None and time.monotonic() < deadline, f"expected a server on {port}"
        time.sleep(0.02)
    return process


def test_a_port_that_somebody_listens_on_is_not_free(held: HeldPort) -> None:
    with listener(held.number):
        held.release()
        assert not port_is_free(held.number)
        assert somebody_listens(held.number)
    assert port_is_free(held.number)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a server listen beside who holds its port")
def test_a_held_port_is_free_for_the_child_and_for_nobody_who_looks_for_one(held: HeldPort) -> None:
    assert not port_is_free(held.number)
    other = hold_port(held.number)
    assert other.number != held.number
    other.release()
    assert not somebody_listens(held.number)
    with listener(held.number):
        assert somebody_listens(held.number)


def test_the_preferred_port_is_taken_where_it_is_free(held: HeldPort) -> None:
    held.release()
    again = hold_port(held.number)
    again.release()
    assert again.number == held.number


def test_the_preferred_port_is_taken_again_right_after_a_server_with_connections_ended(held: HeldPort) -> None:
    leave_an_ended_connection(held.number)
    held.release()
    again = hold_port(held.number)
    again.release()
    assert again.number == held.number


def leave_an_ended_connection(port: int) -> None:
    """As a server that ended a moment ago does."""
    with listener(port) as server, socket.create_connection(("127.0.0.1", port)) as visitor:
        accepted, _ = server.accept()
        accepted.close()  # who closes first waits a minute for what may be under way
        visitor.recv(1)


def test_a_port_has_no_owner_before_somebody_listens(held: HeldPort) -> None:
    assert owner_of(held.number, os.getpid()) is Owner.nobody


def test_who_listens_is_proven_by_the_process_that_owns_the_socket(tmp_path: Path, held: HeldPort) -> None:
    process = serving(tmp_path, held.number)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        assert owner_of(held.number, process.pid) is Owner.child
        assert owner_of(held.number, os.getpid()) is Owner.child, "a descendant is as good"
        assert owner_of(held.number, bystander.pid) is Owner.stranger
    finally:
        for each in (process, bystander):
            each.kill()
            each.wait()


def test_two_hold_no_port_at_once_right_after_a_server_with_connections_ended(held: HeldPort) -> None:
    leave_an_ended_connection(held.number)
    held.release()
    first, second = hold_port(held.number), hold_port(held.number)
    first.release()
    second.release()
    assert first.number == held.number
    assert second.number != held.number
