"""A replica as people run it: `python -m deploy.serving` in a process of its own, on a free loopback port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.stores.authorities import trusted
from tests.deploy.serving.house import House, wait_until

_ADDRESS = re.compile(r"serving on (http://\S+) as replica")


@dataclass
class Replica:
    """A started process, its address and its log."""

    process: subprocess.Popen[bytes]
    log_file: Path
    url: str = ""

    def log(self) -> str:
        return self.log_file.read_text("utf-8", "replace")

    def ready(self) -> dict[str, object]:
        """Read /readyz."""
        body: dict[str, object] = httpx.get(f"{self.url}/readyz", timeout=120, verify=trusted()).json()
        return body

    def metric(self, begins: str) -> float:
        """Sum the samples of /metrics whose name and labels begin so."""
        lines = httpx.get(f"{self.url}/metrics", timeout=120, verify=trusted()).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f"latentloop_serving_{begins}"))

    def terminate(self) -> int:
        """Send SIGTERM and wait for the end."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(240)


def environment(house: House, **settings: str) -> dict[str, str]:
    """Configure a process by the house; `serving__x` sets LATENTLOOP_SERVING__X."""
    own = {
        "home": str(house.root),
        "input_policy__min_variance": "0.003",
        "serving__replica": "test",
        "serving__release_poll_s": "0.05",
        **settings,
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LATENTLOOP_")}
    return {**kept, **{f"LATENTLOOP_{name.upper()}": value for name, value in own.items()}}


@contextmanager
def started(house: House, *, python: tuple[str, ...] = (), **settings: str) -> Iterator[Replica]:
    """Start a replica and wait until it is ready; nothing of it is left after the block."""
    log_file = house.root / "serving.log"
    command = [sys.executable, *python, "-m", "deploy.serving", "--port", "0"]
    with log_file.open("wb") as log:
        process = subprocess.Popen(command, env=environment(house, **settings), stdout=log, stderr=log)
    replica = Replica(process, log_file)
    try:
        wait_until(lambda: process.poll() is not None or _ADDRESS.search(replica.log()) is not None, "start")
        found = _ADDRESS.search(replica.log())
        assert found, replica.log()
        replica.url = found[1]
        wait_until(lambda: _answers_ready(replica), "readiness")
        yield replica
    finally:
        process.kill()
        process.wait()


def _answers_ready(replica: Replica) -> bool:
    try:
        return bool(replica.ready()["ready"])
    except httpx.TransportError:
        return False
