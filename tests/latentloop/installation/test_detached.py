"""An installation in the background is ended whatever it does: while it starts, and where its supervisor hangs."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import psutil

from deploy.settings import Settings
from latentloop.installation.detached import stop_detached
from latentloop.installation.running import read_installation
from latentloop.supervisor.lock import find_holder
from latentloop.supervisor.report import read_children
from tests.latentloop.front_door import environment, run_latentloop
from tests.latentloop.installation.commands import GENEROUS_S, starting, until


def test_a_supervisor_that_hangs_is_ended_with_all_that_is_its_own(tmp_path: Path, elsewhere: dict[str, str]) -> None:
    home = tmp_path / "home"
    env = environment(home, **elsewhere)
    with starting("up", env=env, folder=tmp_path) as up:
        until(lambda: any(part.pid for part in read_children(home)), "the first child")
        family = [psutil.Process(up.pid), *psutil.Process(up.pid).children(recursive=True)]
        up.send_signal(signal.SIGSTOP)

        said_meanwhile: list[str] = []
        said = stop_detached(Settings(home=home), said_meanwhile.append, timeout_s=6.0)

        assert said.startswith(
            f"{home} is down: its supervisor (pid {up.pid}) did not end within 6 s and was killed, with "
        )
        assert re.fullmatch(
            r"down: [2-5] s so far, how long it takes here is not known yet; waiting for [a-z, ]+ to end, "
            "what is left is killed in about 5 s",
            said_meanwhile[0],
        )
        gone, left = psutil.wait_procs(family, timeout=GENEROUS_S)
        assert left == [] and len(gone) > 1
    assert find_holder(home) is None


def test_down_ends_an_installation_that_is_being_started(tmp_path: Path, elsewhere: dict[str, str]) -> None:
    home = tmp_path / "home"
    env = environment(home, **elsewhere)
    # what gives the commands here has loaded its libraries then: a start is over before a first `down` has
    nothing = run_latentloop("down", env=env, folder=tmp_path, timeout_s=GENEROUS_S)
    assert nothing.stdout == f"nothing runs from {home}\n"
    with starting("up", "--detach", env=env, folder=tmp_path) as follower:
        until(lambda: any(part.pid for part in read_children(home)), "the first child")

        down = run_latentloop("down", env=env, folder=tmp_path, timeout_s=GENEROUS_S)

        assert (down.returncode, down.stdout) == (0, f"{home} is down\n")
        _, stderr = follower.communicate(timeout=GENEROUS_S)
        assert follower.returncode == 1
        log = home / "logs" / "up.log"
        assert stderr.splitlines()[-1] == f"latentloop: latentloop up did not come up: everything is down (log: {log})"
    assert find_holder(home) is None and read_installation(home) is None
