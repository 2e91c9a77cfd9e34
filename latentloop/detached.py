"""An installation in the background: started until it is up, stopped until it is gone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil

from deploy.settings import Settings, SettingsError
from latentloop.errors import ProcessFailed
from latentloop.installation import connect, read_installation

START_TIMEOUT_S = 240.0
STOP_TIMEOUT_S = 40.0


def start_detached(settings: Settings) -> Settings:
    """Run `latentloop up` in a session of its own; returns the settings with its URLs once all is healthy."""
    if (other := read_installation(settings.home)) is not None:
        raise SettingsError(f"{settings.home.resolve()} is already up (pid {other.pid})")
    log = settings.home / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", "from latentloop.cli import main; main()", "up"],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + START_TIMEOUT_S
    while read_installation(settings.home) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
            lines = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
            raise ProcessFailed(f"latentloop up did not come up: {lines[-1]} (log: {log})")
        time.sleep(0.2)
    return connect(settings)


def stop_detached(settings: Settings) -> str:
    """Ask the supervisor to end everything, and wait until it has."""
    found = read_installation(settings.home)
    if found is None:
        return f"nothing runs from {settings.home.resolve()}"
    with contextlib.suppress(psutil.NoSuchProcess):
        supervisor = psutil.Process(found.pid)
        supervisor.send_signal(signal.SIGTERM)
        try:
            supervisor.wait(STOP_TIMEOUT_S)
        except psutil.TimeoutExpired as error:
            raise ProcessFailed(
                f"the supervisor (pid {found.pid}) did not end within {STOP_TIMEOUT_S:.0f} s: "
                f"see {settings.home.resolve() / 'logs'}"
            ) from error
    return f"{settings.home.resolve()} is down"
