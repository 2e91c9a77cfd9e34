"""One supervisor a home: a lock that is held for its life, and the name of who holds it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.settings import SettingsError

LOCK_FILE = Path("run") / "up.lock"
NAMED_WITHIN_S = 10.0


class Holder(BaseModel):
    """A process: its pid with its birth time, because pids are reused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int
    born: float

    @property
    def alive(self) -> bool:
        """Does it still run?"""
        try:
            process = psutil.Process(self.pid)
            born, ended = process.create_time(), process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
        return bool(abs(born - self.born) < 1.0) and not ended


def _await_holder(home: Path) -> Holder | None:
    """Whoever has the lock; it may be about to write its name."""
    deadline = time.monotonic() + NAMED_WITHIN_S
    while (found := find_holder(home)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def this_process() -> Holder:
    """Whoever calls it."""
    return Holder(pid=os.getpid(), born=psutil.Process().create_time())


@contextmanager
def hold_home(home: Path) -> Iterator[None]:
    """Be the only supervisor of this home; `SettingsError` when there is one. The kernel ends the lock with us."""
    path = home / LOCK_FILE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        holder = _await_holder(home)
        who = f" (pid {holder.pid})" if holder is not None else ""
        raise SettingsError(
            f"{home.resolve()} is already up, or being started{who}: use it, or end it with `latentloop down`"
        ) from None
    try:
        os.ftruncate(handle, 0)
        os.write(handle, this_process().model_dump_json().encode())
        yield
    finally:
        os.ftruncate(handle, 0)
        os.close(handle)


def find_holder(home: Path) -> Holder | None:
    """The supervisor that runs from this home, from the first moment of its start; None when there is none."""
    try:
        found = Holder.model_validate_json((home / LOCK_FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
    return found if found.alive else None
