"""Child processes that are started, health-checked, restarted and, above all, ended.

Every child leads a session of its own and is told by the kernel when its parent dies; the parent adopts orphans, so
that at the end nothing is left, whatever a server forked.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from latentloop.errors import ProcessFailed

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How a child is started, and how one sees that it works.

    `healthy` is asked until it says True; `start_timeout_s` bounds that. A child that dies later is started again, at
    most `max_restarts` times.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    healthy: Callable[[], bool]
    start_timeout_s: float = 120.0
    max_restarts: int = 5


@dataclass(slots=True)
class Child:
    """A running child and its history."""

    spec: ChildSpec
    process: subprocess.Popen[bytes]
    restarts: int = 0
    started_at: float = field(default_factory=time.monotonic)


def adopt_orphans() -> None:
    """Grandchildren whose parent ended become ours, so that they can be ended too (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(spec: ChildSpec) -> Child:
    """Start one child, its output into its log."""
    spec.log.parent.mkdir(parents=True, exist_ok=True)
    with spec.log.open("ab") as log:
        process = subprocess.Popen(
            list(spec.command),
            cwd=spec.folder,
            env=dict(spec.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
    return Child(spec, process)


def await_healthy(children: Sequence[Child], on_ready: Callable[[Child, float], None], poll_s: float = 0.2) -> None:
    """Wait until every child is healthy; `ProcessFailed` as soon as one ended or ran out of time."""
    waiting = list(children)
    began = time.monotonic()
    while waiting:
        for child in list(waiting):
            if child.process.poll() is not None:
                raise ProcessFailed(_obituary(child, f"ended with exit code {child.process.returncode}"))
            if child.spec.healthy():
                waiting.remove(child)
                on_ready(child, time.monotonic() - began)
            elif time.monotonic() - began > child.spec.start_timeout_s:
                raise ProcessFailed(_obituary(child, f"not healthy after {child.spec.start_timeout_s:.0f} s"))
        time.sleep(poll_s)


def restart_dead(children: list[Child], say: Callable[[str], None]) -> None:
    """Start again whoever died; `ProcessFailed` when one has used up its restarts."""
    for position, child in enumerate(children):
        if child.process.poll() is None:
            continue
        if child.restarts >= child.spec.max_restarts:
            raise ProcessFailed(_obituary(child, f"died {child.restarts + 1} times"))
        say(f"{child.spec.name} ended with exit code {child.process.returncode}; starting it again")
        again = start(child.spec)
        again.restarts = child.restarts + 1
        children[position] = again


def stop_all(children: Sequence[Child], grace_s: float = 10.0) -> None:
    """SIGTERM to every group at once, SIGKILL to whoever is left, descendants that changed their group included."""
    family = _descendants()
    for child in reversed(children):
        _signal_group(child.process.pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.05, deadline - time.monotonic()))
    for child in children:
        _signal_group(child.process.pid, signal.SIGKILL)
    for process in {*family, *_descendants()}:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    for child in children:
        child.process.wait()
    psutil.wait_procs(_descendants(), timeout=5)


def memory_mb() -> float:
    """Resident memory of this process and all descendants in MB (10^6 bytes), shared pages counted once per process."""
    total = 0
    for process in [psutil.Process(), *_descendants()]:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total / 1e6


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Can this loopback port be listened on?"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _end_with_parent() -> None:
    # runs between fork and exec: a parent killed with -9 takes its children with it
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _descendants() -> list[psutil.Process]:
    try:
        found: list[psutil.Process] = psutil.Process().children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return found


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _obituary(child: Child, fate: str) -> str:
    tail = ""
    with contextlib.suppress(OSError):
        lines = [line for line in child.spec.log.read_text(errors="replace").splitlines() if line.strip()]
        tail = f"; it said: {lines[-1][:200]}" if lines else ""
    return f"{child.spec.name} {fate}{tail} (log: {child.spec.log})"
