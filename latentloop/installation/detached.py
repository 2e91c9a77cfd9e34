"""An installation in the background: followed until it is up, stopped until it is gone."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from deploy.settings import Settings, SettingsError
from latentloop.errors import ProcessFailed
from latentloop.installation.running import connect, forget_installation
from latentloop.installation.up import UP_LOG
from latentloop.supervisor.family import descendants, kill_each
from latentloop.supervisor.lock import find_holder
from latentloop.supervisor.logs import open_log
from latentloop.supervisor.report import PartReport, Report, read_children, read_report
from latentloop.timing.timed_wait import TimedWait

STOP_TIMEOUT_S = 60.0
POLL_S = 0.2
REFUSAL = "latentloop: "


def start_detached(settings: Settings, say: Callable[[str], None]) -> tuple[Settings, tuple[PartReport, ...]]:
    """Run `latentloop up` in a session of its own and say what it says, until its start is over.

    Returns the settings with the URLs, and what is not up. No limit of time: whoever starts it knows when to give up.
    """
    if (holder := find_holder(settings.home)) is not None:
        raise SettingsError(
            f"{settings.home.resolve()} is already up, or being started (pid {holder.pid}): use it, or end it with "
            "`latentloop down`"
        )
    log = settings.home / UP_LOG
    with open_log(log) as out:
        said = _Follower(log)
        process = subprocess.Popen(
            # a signal ends it in the middle of a question, whose open socket is not what its last line should be about
            [sys.executable, "-W", "ignore::ResourceWarning", "-c", "from latentloop.cli import main; main()", "up"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=out, start_new_session=True,
        )  # fmt: skip
    report = None
    while report is None:
        ended, report = process.poll() is not None, _started(settings.home, process.pid)
        for line in said.lines():
            if not line.startswith(REFUSAL):
                say(line)
        if ended:
            raise ProcessFailed(
                f"latentloop up did not come up: {said.last.removeprefix(REFUSAL) or 'it said nothing'} (log: {log})"
            )
        time.sleep(0.2)
    process.returncode = 0  # it is left to itself: Popen would warn of a child that still runs
    return connect(settings), report.missing


def stop_detached(settings: Settings, say: Callable[[str], None], timeout_s: float = STOP_TIMEOUT_S) -> str:
    """Have the supervisor end everything, also one that only starts; returns what happened.

    `say` hears meanwhile what is waited for. One that does not end within `timeout_s` seconds is killed with all its
    descendants.
    """
    home = settings.home.resolve()
    holder = find_holder(settings.home)
    if holder is None:
        return f"nothing runs from {home}"
    with contextlib.suppress(psutil.NoSuchProcess):
        supervisor = psutil.Process(holder.pid)
        wait = TimedWait("down", settings.home, say, at_most_s=timeout_s, then="what is left is killed")
        parts = read_children(home)  # as they are now: from here on the supervisor reports nothing
        supervisor.send_signal(signal.SIGTERM)
        while not (ended := _ends(supervisor, POLL_S)) and not wait.over:
            wait.look(_say_left(parts))
        if ended:
            wait.ended()
        else:
            family = descendants(holder.pid)
            kill_each([supervisor, *family])
            psutil.wait_procs([supervisor, *family], timeout=10)
            forget_installation(settings.home)
            return (
                f"{home} is down: its supervisor (pid {holder.pid}) did not end within {timeout_s:.0f} s and was "
                f"killed, with {len(family)} processes of its own"
            )
    return f"{home} is down"


def _ends(process: psutil.Process, within_s: float) -> bool:
    try:
        process.wait(within_s)
    except psutil.TimeoutExpired:
        return False
    return True


def _say_left(parts: Sequence[PartReport]) -> str:
    """Which of these parts still run; the supervisor, where none of them does."""
    left = [part.name for part in parts if part.pid is not None and psutil.pid_exists(part.pid)]
    return f"{', '.join(left) or 'the supervisor'} to end"


def _started(home: Path, pid: int) -> Report | None:
    """The report of this very supervisor once its start is over."""
    report = read_report(home)
    return report if report is not None and report.started and report.holder.pid == pid else None


class _Follower:
    """Reads a log from its end of now."""

    def __init__(self, log: Path) -> None:
        self._log, self._at = log, log.stat().st_size
        self._rest = b""
        self.last = ""

    def lines(self) -> list[str]:
        """The whole lines that came since the last call."""
        with self._log.open("rb") as file:
            file.seek(self._at)
            new = file.read()
        self._at += len(new)
        *whole, self._rest = (self._rest + new).split(b"\n")
        lines = [line.decode(errors="replace") for line in whole]
        self.last = next((line for line in reversed(lines) if line.strip()), self.last)
        return lines
