"""`latentloop up` that is on its way, neighbours that are away, and patience for a busy machine."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from latentloop.supervisor.ports import hold_port
from tests.latentloop.front_door import program

GENEROUS_S = 280.0


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + GENEROUS_S
    while not holds():
        assert time.monotonic() < deadline, f"expected {what}"
        time.sleep(0.1)


def away() -> Iterator[str]:
    """An address that is ours and where nobody answers."""
    port = hold_port()
    yield f"http://127.0.0.1:{port.number}"
    port.release()


@contextmanager
def starting(*arguments: str, env: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [program(env), *arguments], env=env, cwd=folder, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
