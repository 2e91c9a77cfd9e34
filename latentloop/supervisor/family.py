"""Child processes that are started and, above all, ended.

Every child leads a session of its own and is told by the kernel when its parent dies; the parent adopts orphans, so
that at the end nothing is left, whatever a server forked, and buries those that end before it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import psutil

from latentloop.supervisor.logs import open_log

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
# looked up once: between fork and exec nothing may be loaded
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def adopt_orphans() -> None:
    """Grandchildren whose parent ended become ours, so that they can be ended too (on Linux)."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(known: Collection[int]) -> None:
    """Bury the adopted orphans that ended: nobody else asks for their exit codes, and they would stay zombies.

    Those of the children `known` (pids) are still asked for, and so are those of whatever this process started for
    another purpose: it is of this session, which no orphan can be.
    """
    if _LIBC is None or not _somebody_ended():
        return
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError, ChildProcessError):
            foreign = process.pid not in known and os.getsid(process.pid) != os.getsid(0)
            if foreign and process.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(process.pid, os.WNOHANG)


def launch(command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start one child, its output at the end of its log.

    Call it in the main thread: the kernel takes the end of the thread that forked for the death of the parent.
    """
    with open_log(log) as out:
        return subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent if _LIBC is not None else None,
        )


def signal_group(pid: int, number: int) -> None:
    """Send a signal to the whole group of a child, also where only its own children are left of it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def stop_all(processes: Sequence[subprocess.Popen[bytes]], grace_s: float = 10.0) -> None:
    """SIGTERM to every group at once, SIGKILL to whoever is left, descendants that changed their group included."""
    family = descendants()
    for process in reversed(processes):
        signal_group(process.pid, signal.SIGTERM)
        signal_group(process.pid, signal.SIGCONT)  # one that is stopped would not hear it
    deadline = time.monotonic() + grace_s
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.05, deadline - time.monotonic()))
    for process in processes:
        signal_group(process.pid, signal.SIGKILL)
    kill_each([*family, *descendants()])
    for process in processes:
        process.wait()
    psutil.wait_procs(descendants(), timeout=5)


def kill_each(family: Sequence[psutil.Process]) -> None:
    """SIGKILL to each of them that is still there."""
    for process in set(family):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def descendants(pid: int | None = None) -> list[psutil.Process]:
    """All descendants of a process, by default of this one; none when it is gone."""
    try:
        found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return found


def memory_mb() -> float:
    """Resident memory of this process and all descendants in MB (10^6 bytes), shared pages counted once per process."""
    total = 0
    for process in [psutil.Process(), *descendants()]:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total / 1e6


def _somebody_ended() -> bool:
    """Is any child a zombie? One call, where looking at each of them reads every process of the machine."""
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


def _end_with_parent() -> None:
    # runs between fork and exec: a parent killed with -9 takes its children with it
    assert _LIBC is not None
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
