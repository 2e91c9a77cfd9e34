"""Four processes that start the same thing at the same moment, and processes that die at a fault point."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import textwrap
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Barrier
from typing import Any, Self

from deploy.stores.objects.opening import open_objects
from deploy.stores.objects.port import ObjectStore
from tests.forking import Forking

PROCESSES = 4
LIBRARIES = ("alembic.command", "boto3", "deltalake", "numpy", "pydantic_settings", "pyarrow.parquet", "pytest")
_barrier: Barrier


@dataclass(frozen=True)
class ObjectsAt:
    """An object store by its address."""

    url: str
    options: dict[str, Any]

    def open(self) -> ObjectStore:
        return open_objects(self.url, **self.options)


class Racers:
    """Worker processes, kept warm over the session: a new one costs a second of imports."""

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")  # a fork would copy the locks of running threads
        self._pool = ProcessPoolExecutor(
            PROCESSES, context, initializer=_prepare, initargs=(context.Barrier(PROCESSES),)
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown()

    def race(self, function: Callable[..., Any], runners: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Call `function(*arguments)` for each runner at once; an exception counts as a result."""
        arguments = list(runners)
        assert len(arguments) == PROCESSES, "every process must take part, or the barrier never opens"
        futures = [self._pool.submit(_run, function, each) for each in arguments]
        return [future.result(timeout=400) for future in futures]


def _prepare(barrier: Barrier) -> None:
    global _barrier
    _barrier = barrier


def _run(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    _barrier.wait(timeout=240)
    try:
        return function(*arguments)
    except Exception as error:
        return error


@cache
def _forking() -> Forking:
    return Forking(dict(os.environ), LIBRARIES)


def run_program(code: str) -> subprocess.CompletedProcess[str]:
    """Run the code in a new process to its end."""
    return _forking().run(code, dict(os.environ), Path.cwd(), timeout_s=240)


def kill_at(point: str, moment: str, code: str) -> None:
    """Run `code` in a new process that kills itself at the point; fails unless it died there."""
    script = f"""
import os, signal
from deploy.stores import faults
def die(name, moment):
    if (name, moment) == {(point, moment)!r}:
        os.kill(os.getpid(), signal.SIGKILL)
faults.install(die)
{textwrap.dedent(code)}
"""
    done = run_program(script)
    assert done.returncode == -signal.SIGKILL, f"not killed at {point} {moment}: {done.stderr}"
