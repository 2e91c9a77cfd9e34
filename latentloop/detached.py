"""An installation in the background: followed until it is up, stopped until it is gone."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from deploy.settings import Settings, SettingsError
from latentloop.errors import ProcessFailed
from latentloop.installation import connect, forget_installation
from latentloop.supervisor.family import descendants, kill_each
from latentloop.supervisor.lock import find_holder
from latentloop.supervisor.logs import open_log
from latentloop.supervisor.report import PartReport, Report, read_report
from latentloop.up import UP_LOG

STOP_TIMEOUT_S = 60.0
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


def stop_detached(settings: Settings, timeout_s: float = STOP_TIMEOUT_S) -> str:
    """Have the supervisor end everything, also one that only starts; returns what happened.

    One that does not end within `timeout_s` seconds is killed with all its descendants.
    """
    home = settings.home.resolve()
    holder = find_holder(settings.home)
    if holder is None:
        return f"nothing runs from {home}"
    with contextlib.suppress(psutil.NoSuchProcess):
        supervisor = psutil.Process(holder.pid)
        supervisor.send_signal(signal.SIGTERM)
        try:
            supervisor.wait(timeout_s)
        except psutil.TimeoutExpired:
            family = descendants(holder.pid)
            kill_each([supervisor, *family])
            psutil.wait_procs([supervisor, *family], timeout=10)
            forget_installation(settings.home)
            return (
                f"{home} is down: its supervisor (pid {holder.pid}) did not end within {timeout_s:.0f} s and was "
                f"killed, with {len(family)} processes of its own"
            )
    return f"{home} is down"


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
