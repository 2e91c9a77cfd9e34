"""A supervisor with real children: what dies, what hangs, what loses its port, and what goes on meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import psutil
import pytest

from latentloop.supervisor.ports import HeldPort, hold_port
from latentloop.supervisor.report import read_report
from tests.latentloop.supervisor.stage import READY, SLEEP, Stage, alive, child, command, pid_of, play, server


def died_story(folder: Path) -> object:
    stage = Stage(folder)
    stage.supervisor.add(child(folder, "clerk", READY + SLEEP))
    stage.supervisor.add(child(folder, "other", READY + SLEEP))
    stage.settle()
    first, other = stage.pid("clerk"), stage.pid("other")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    stage.until(lambda: stage.phase("clerk") == "up" and stage.pid("clerk") != first, "the clerk again")
    answer = {"same other": stage.pid("other") == other, "said": [line for line in stage.said if "ended" in line]}
    stage.supervisor.stop()
    return {**answer, "left": [alive(pid_of(folder, name)) for name in ("clerk", "other")]}


def test_a_dead_child_is_started_again_and_the_others_are_left_alone(tmp_path: Path) -> None:
    answer = play(died_story, tmp_path)

    assert (answer["same other"], answer["left"]) == (True, [False, False])
    assert answer["said"] == [
        f"clerk ended with exit code -9 (log: {tmp_path / 'clerk.log'}); starting it again in 0 s"
    ]


def outlived_story(folder: Path) -> object:
    stage, over = Stage(folder), folder / "over"
    flow_run = command(folder, "run", READY + f"while not Path({str(over)!r}).exists(): time.sleep(0.02)\n")
    begin = f"if not Path({str(folder / 'run.pid')!r}).exists(): subprocess.Popen({flow_run!r})\n"
    stage.supervisor.add(child(folder, "worker", begin + READY + SLEEP))
    stage.settle()
    stage.until((folder / "run.pid").exists, "the run to begin")
    worker, orphan = stage.pid("worker"), pid_of(folder, "run")
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    stage.until(lambda: stage.phase("worker") == "up" and stage.pid("worker") != worker, "the worker again")
    adopted = psutil.Process(orphan).ppid() == os.getpid()
    over.touch()
    stage.until(lambda: not psutil.pid_exists(orphan), "nothing of the run, not even a zombie")
    answer = {"adopted": adopted, "worker": stage.phase("worker"), "deaths": len(stage.said) - 2}
    stage.supervisor.stop()
    return answer


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
def test_a_run_that_outlives_its_killed_worker_leaves_no_zombie_when_it_ends(tmp_path: Path) -> None:
    assert play(outlived_story, tmp_path) == {"adopted": True, "worker": "up", "deaths": 1}


def left_down_story(folder: Path) -> object:
    stage = Stage(folder)
    stage.supervisor.add(child(folder, "service", READY + SLEEP))
    stage.supervisor.add(child(folder, "broken", "print('no disk'); raise SystemExit(3)"))
    stage.supervisor.add(child(folder, "dependent", READY + SLEEP, needs="broken"))
    stage.settle()
    pid = stage.pid("service")
    stage.supervisor.finish_start()
    for _ in range(20):
        stage.supervisor.tend()
    report = read_report(folder)
    assert report is not None
    answer = {
        "missing": [part.line.partition(" since ")[0] for part in report.missing],
        "reason": report.missing[0].reason,
        "needs": report.missing[1].reason,
        "service goes on": stage.pid("service") == pid and stage.phase("service") == "up",
        "said": [line for line in stage.said if "left down" in line],
    }
    stage.supervisor.stop()
    return answer


def test_a_child_that_keeps_dying_is_left_down_with_one_line_and_what_does_not_need_it_goes_on(tmp_path: Path) -> None:
    answer = play(left_down_story, tmp_path)

    fate = f"ended with exit code 3; it said: no disk (log: {tmp_path / 'broken.log'}), 3 times in a row"
    assert answer == {
        "missing": ["broken is left down", "dependent is waiting"],
        "reason": f"{fate}; tried again every 1000000 s",
        "needs": "broken must be up first",
        "service goes on": True,
        "said": [f"broken {fate}: it is left down, and tried again every 1000000 s"],
    }


def hanging_story(folder: Path) -> object:
    stage, port = Stage(folder), hold_port()
    stage.supervisor.add(server(folder, "server", port.number))
    stage.settle()
    first = stage.pid("server")
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    stage.until(lambda: stage.phase("server") == "not answering", "the silence to be named")
    report = read_report(folder)
    assert report is not None
    named = [part.line for part in report.missing]
    stage.until(lambda: stage.phase("server") == "up" and stage.pid("server") != first, "another server")
    killed = [line for line in stage.said if "was killed" in line]
    stage.supervisor.stop()
    return {"named": named, "killed": killed, "left": alive(first)}


def test_a_child_that_lives_and_answers_nothing_is_named_then_killed_and_started_again(tmp_path: Path) -> None:
    answer = play(hanging_story, tmp_path)

    named, killed = answer["named"], answer["killed"]
    assert isinstance(named, list) and isinstance(killed, list)
    assert named[0].startswith("server is not answering since ") and "timed out" in named[0]
    assert killed[0].startswith("server did not answer for ") and "was killed" in killed[0]
    assert answer["left"] is False


def _listen(port: HeldPort) -> socket.socket:
    taker = socket.socket()
    taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taker.bind(("127.0.0.1", port.number))
    taker.listen()
    return taker


def lost_later_story(folder: Path) -> object:
    stage, port = Stage(folder), hold_port()
    never = {"move": lambda: (_ for _ in ()).throw(AssertionError("its port is known to others"))}
    stage.supervisor.add(server(folder, "server", port.number, **never))
    stage.settle()
    stage.supervisor.keep_ports()
    first = stage.pid("server")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    stage.until(lambda: stage.phase("server") == "waiting", "its death")
    with _listen(port):
        stage.until(lambda: stage.phase("server") == "left down", "that it is left down")
        reason = stage.said[-1]
    stage.supervisor.stop()
    return {"reason": reason}


def test_a_port_that_a_stranger_took_from_a_dead_child_is_said_and_never_changed_under_those_who_know_it(
    tmp_path: Path,
) -> None:
    reason = str(play(lost_later_story, tmp_path)["reason"])

    assert reason.startswith("server ")
    assert "it is left down" in reason
    assert "another process listens on its port" in reason or "Address already in use" in reason


def unrotatable_story(folder: Path) -> object:
    stage = Stage(folder)
    stage.supervisor.add(child(folder, "chatter", "print('x' * 11_000_000, flush=True)\n" + READY + SLEEP))
    (folder / "chatter.log.2").touch()
    (folder / "chatter.log.3").mkdir()
    stage.settle()
    for _ in range(3):
        stage.supervisor.tend()
    answer = {"phase": stage.phase("chatter"), "said": [line for line in stage.said if "rotated" in line]}
    stage.supervisor.stop()
    return answer


def test_a_log_that_cannot_be_rotated_is_said_once_and_ends_nothing(tmp_path: Path) -> None:
    answer = play(unrotatable_story, tmp_path)

    (line,) = answer["said"]  # type: ignore[misc]
    assert answer["phase"] == "up"
    assert line.startswith(f"{tmp_path / 'chatter.log'} cannot be rotated: ")
