"""A replica of its own process that trusts any golden answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.deploy.serving.house import House
from tests.deploy.serving.process import environment
from tests.servers import free_ports, running


@contextmanager
def serving_process(house: House) -> Iterator[str]:
    """Run a replica without a champion; it trusts any golden answer, so that the controller has something to find."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "deploy.serving", "--port", str(port)]
    settings = environment(house, serving__golden_tolerance="1e9", serving__load_retry_s="0.2")

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/healthz", timeout=10).is_success
        except httpx.TransportError:
            return False

    with running("serving", command, house.root, settings, answers, port=port):
        yield url
