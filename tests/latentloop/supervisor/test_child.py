"""One child and its port: whoever answers there must be the child, and nothing that it forked keeps it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from latentloop.supervisor.ports import hold_port
from tests.latentloop.supervisor.stage import SERVE, Stage, command, play, server


def taken_story(folder: Path) -> object:
    stage, ports = Stage(folder), [hold_port(), hold_port()]
    stranger = subprocess.Popen(
        command(folder, "stranger", SERVE), env={**os.environ, "PORT": str(ports[0].number)}, start_new_session=True
    )
    known = server(folder, "server", ports[1].number)
    stage.supervisor.add(server(folder, "server", ports[0].number, before="time.sleep(1)\n", move=lambda: known))
    stage.settle()
    moved = [line for line in stage.said if "was taken" in line]
    answer = {"port": stage.supervisor.specs()[0].port == ports[1].number, "moved": len(moved)}
    answer |= {"up": stage.phase("server"), "stranger lives": stranger.poll() is None}
    stage.supervisor.stop()
    return answer


def test_a_stranger_that_answers_in_good_health_is_not_taken_for_the_child_and_the_port_is_chosen_anew(
    tmp_path: Path,
) -> None:
    assert play(taken_story, tmp_path) == {"port": True, "moved": 1, "up": "up", "stranger lives": True}


def orphaned_story(folder: Path) -> object:
    stage, port = Stage(folder), hold_port()
    inner = command(folder, "inner", SERVE)
    outer = f"subprocess.Popen({inner!r}).wait()\n"
    spec = server(folder, "server", port.number, before=outer)
    stage.supervisor.add(spec)
    stage.settle()
    first = stage.pid("server")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    stage.until(lambda: stage.phase("server") == "up" and stage.pid("server") != first, "the server again")
    stage.supervisor.stop()
    return {"deaths": len([line for line in stage.said if "starting it again" in line])}


def test_what_a_dead_server_forked_does_not_keep_its_port(tmp_path: Path) -> None:
    assert play(orphaned_story, tmp_path) == {"deaths": 1}
