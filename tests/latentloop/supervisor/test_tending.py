"""A supervisor with real children: what dies, what hangs, what loses its port, and what goes on meanwhile."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from latentloop.errors import ProcessFailed
from latentloop.supervisor.ports import HeldPort, hold_port
from latentloop.supervisor.pulse import Heard, Sign
from latentloop.supervisor.report import read_report
from latentloop.supervisor.starting import await_settled
from tests.latentloop.supervisor.stage import READY, SERVE, SLEEP, Stage, alive, child, command, pid_of, play, server


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


def refusing_story(folder: Path) -> object:
    stage = Stage(folder)
    stage.supervisor.add(child(folder, "service", "print('no key'); raise SystemExit(2)", refuses_with=2))
    try:
        stage.settle()
    except ProcessFailed as failed:
        return {"said": str(failed)}
    finally:
        stage.supervisor.stop()
    return {"said": "nothing"}


def test_a_child_that_refuses_its_settings_ends_the_start_with_its_own_line(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    said = f"service ended with exit code 2; it said: no key (log: {log})"
    assert play(refusing_story, tmp_path) == {"said": said}


def errand_story(folder: Path) -> object:
    stage, tries = Stage(folder), []

    def register() -> None:
        tries.append(len(tries))
        if len(tries) < 3:
            raise ValueError(f"try {len(tries)} failed")

    stage.supervisor.add(child(folder, "server", READY + SLEEP))
    stage.supervisor.add_errand("deployments", register, needs="server")
    stage.supervisor.add(child(folder, "worker", READY + SLEEP, needs="deployments"))
    stage.settle(first_after_s=0.0)
    waited = [line for line in stage.said if line.startswith("waiting for ")]
    answer = {"tries": len(tries), "missing": len(stage.supervisor.missing()), "waited": waited[0]}
    said = [line for line in stage.said if not line.startswith("waiting for ")]
    order = [line.partition(" is up")[0].partition(";")[0] for line in said]
    stage.supervisor.stop()
    return {**answer, "order": order}


def test_a_step_of_the_start_is_done_once_its_need_is_up_and_tried_again_until_it_holds(tmp_path: Path) -> None:
    answer = play(errand_story, tmp_path)

    assert answer == {
        "tries": 3,
        "missing": 0,
        "waited": "waiting for server, worker, deployments (0 s)",
        "order": ["server", "deployments failed: try 1 failed", "deployments failed: try 2 failed", "worker"],
    }


def slow_story(folder: Path) -> object:
    """A server that comes up when the clock, of which each look takes a quarter of a second, shows ten minutes."""
    stage, now, slow = Stage(folder), [0.0], folder / "ten minutes"

    def clock() -> float:
        now[0] += 0.25
        if now[0] >= 600:
            slow.touch()
        return now[0]

    wait = f"while not Path({str(slow)!r}).exists(): time.sleep(0.01)\n"
    stage.supervisor.add(child(folder, "server", wait + READY + SLEEP))
    await_settled(stage.supervisor, lambda: f"{now[0]:.0f} s", clock=clock, poll_s=0.0)
    said = [line for line in stage.said if line.startswith("waiting for ")]
    stage.supervisor.stop()
    return {"said": said}


def test_a_long_start_says_what_it_waits_for_soon_and_then_ever_more_seldom(tmp_path: Path) -> None:
    said = play(slow_story, tmp_path)["said"]
    assert isinstance(said, list)
    at = [int(re.fullmatch(r"waiting for server \((\d+) s\)", line)[1]) for line in said]  # type: ignore[index]
    gaps = [after - before for before, after in zip(at, at[1:], strict=False)]
    assert at[0] <= 4 and gaps[0] <= 7
    assert gaps[:6] == sorted(gaps[:6]) and 59 <= max(gaps) <= 63, "rounded, and each look takes some time"
    assert len([second for second in at if second <= 600]) <= 16, "in ten minutes; every five seconds were 120"


def store_story(folder: Path) -> object:
    stage, marker = Stage(folder), folder / "mounted"
    marker.touch()

    def ask() -> Heard:
        return Heard(Sign.alive) if marker.exists() else Heard(Sign.silent, "it is not mounted")

    stage.supervisor.add_store("object store", ask, calm_s=0.02)
    stage.settle()
    phases = [stage.phase("object store")]
    marker.unlink()
    stage.until(lambda: stage.phase("object store") == "not answering", "that it went away")
    report = read_report(folder)
    assert report is not None
    lines = [part.line for part in report.missing]
    marker.touch()
    stage.until(lambda: stage.phase("object store") == "up", "that it came back")
    stage.supervisor.stop()
    return {"phases": phases, "lines": lines, "said": stage.said}


def test_a_store_that_goes_away_is_said_and_shown_and_so_is_its_return(tmp_path: Path) -> None:
    answer = play(store_story, tmp_path)

    (line,) = answer["lines"]  # type: ignore[misc]
    assert line.startswith("object store is not answering since ") and line.endswith(": it is not mounted")
    assert answer["phases"] == ["up"]
    assert answer["said"] == ["object store does not answer: it is not mounted", "object store answers again"]


def unstartable_story(folder: Path) -> object:
    stage = Stage(folder)
    spec = child(folder, "clerk", SLEEP)
    stage.supervisor.add(replace(spec, command=[str(folder / "no such program")]))
    stage.supervisor.add(child(folder, "service", READY + SLEEP))
    stage.settle()
    answer = {"clerk": stage.phase("clerk"), "service": stage.phase("service"), "said": stage.said}
    stage.supervisor.stop()
    return answer


def test_a_child_that_cannot_even_be_started_is_left_down_like_one_that_dies(tmp_path: Path) -> None:
    answer = play(unstartable_story, tmp_path)

    assert (answer["clerk"], answer["service"]) == ("left down", "up")
    assert "no such program" in str(answer["said"]) and "3 times in a row" in str(answer["said"])


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
