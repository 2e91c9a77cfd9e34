"""Where the supervisor's stories are played: in a process of their own.

Whoever ends its descendants ends all of them, and the test session's servers are descendants too. A story is a function
of a module that takes a folder and returns what can be written as JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil

from latentloop.supervisor.child import ChildSpec, Probe
from latentloop.supervisor.family import adopt_orphans
from latentloop.supervisor.judging import Patience
from latentloop.supervisor.probes import answers
from latentloop.supervisor.pulse import Heard, Sign
from latentloop.supervisor.restarts import RestartPolicy
from latentloop.supervisor.starting import await_settled
from latentloop.supervisor.tending import Supervisor

GENEROUS_S = 240.0
BRISK = RestartPolicy(first_pause_s=0.01, longest_pause_s=0.02, left_down_pause_s=1e6)
START = "import os, signal, subprocess, sys, time\nfrom pathlib import Path\nready = Path({ready!r})\n"
READY = "temporary = ready.with_suffix('.tmp'); temporary.write_text(str(os.getpid())); temporary.rename(ready)\n"
SLEEP = "time.sleep(600)\n"
SERVE = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *words): pass
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Page).serve_forever()
"""


def play(story: Callable[[Path], object], folder: Path) -> dict[str, object]:
    """Play it to its end; what it returned."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, story.__module__, story.__name__, str(folder)],
        cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=GENEROUS_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def command(folder: Path, name: str, code: str) -> list[str]:
    """A Python program that knows its `ready` file."""
    return [sys.executable, "-c", START.format(ready=str(folder / f"{name}.pid")) + code]


def child(folder: Path, name: str, code: str, probe: Probe | None = None, **options: object) -> ChildSpec:
    """A child that is up once it wrote its `ready` file."""
    ready = folder / f"{name}.pid"

    def is_ready(since: object) -> Heard:
        return Heard(Sign.alive if ready.exists() else Sign.silent, "" if ready.exists() else "no file yet")

    return ChildSpec(
        name, command(folder, name, code), dict(os.environ), folder, folder / f"{name}.log", probe or is_ready,
        **options,  # type: ignore[arg-type]
    )  # fmt: skip


def server(folder: Path, name: str, port: int, *, before: str = "", **options: object) -> ChildSpec:
    """A child that serves its pid on a port; a second of silence is long for it."""
    probe = answers(f"http://127.0.0.1:{port}/", answer_s=0.3)
    made = child(folder, name, before + SERVE, probe, **{"patience": Patience(silence_s=1.0), **options})
    return replace(made, port=port, environment={**os.environ, "PORT": str(port)})


class Stage:
    """A supervisor with what it said."""

    def __init__(self, folder: Path, policy: RestartPolicy = BRISK) -> None:
        adopt_orphans()
        self.said: list[str] = []
        self.supervisor = Supervisor(folder, self.said.append, policy=policy, calm_s=0.1)

    def settle(self, first_after_s: float = 2.0) -> None:
        """Wait for the end of the start."""
        await_settled(self.supervisor, lambda: "0 s", poll_s=0.02, first_after_s=first_after_s)

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Tend until it is so."""
        deadline = time.monotonic() + GENEROUS_S / 2
        while not holds():
            assert time.monotonic() < deadline, f"expected {what}; said: {self.said}"
            self.supervisor.tend()
            time.sleep(0.02)

    def phase(self, name: str) -> str:
        """Where a part stands."""
        return next(record.phase.value for record in self.supervisor.records() if record.name == name)

    def pid(self, name: str) -> int | None:
        """The process of a child now."""
        return next(part.pid for part in self.supervisor.parts() if part.name == name)


def alive(pid: int) -> bool:
    """Does it run, and is it no zombie?"""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def pid_of(folder: Path, name: str) -> int:
    """What a child wrote into its `ready` file."""
    return int((folder / f"{name}.pid").read_text())


if __name__ == "__main__":
    module, name, folder = sys.argv[1:]
    print(json.dumps(getattr(importlib.import_module(module), name)(Path(folder))))
