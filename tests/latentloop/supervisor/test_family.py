"""Children are started and above all ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from latentloop.supervisor.family import adopt_orphans, descendants, launch, reap_orphans, stop_all
from tests.latentloop.supervisor.stage import GENEROUS_S, READY, SLEEP, alive, command, pid_of, play

DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


def run(folder: Path, name: str, code: str) -> subprocess.Popen[bytes]:
    return launch(command(folder, name, code), dict(os.environ), folder, folder / f"{name}.log")


def await_ready(folder: Path, *names: str) -> None:
    deadline = time.monotonic() + GENEROUS_S / 2
    while not all((folder / f"{name}.pid").exists() for name in names):
        assert time.monotonic() < deadline, f"expected {names} to be ready"
        time.sleep(0.02)


def deaf_story(folder: Path) -> object:
    adopt_orphans()
    process = run(folder, "deaf", DEAF + READY + SLEEP)
    await_ready(folder, "deaf")
    stop_all([process], grace_s=0.3)
    return {"alive": alive(pid_of(folder, "deaf")), "code": process.returncode}


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    assert play(deaf_story, tmp_path) == {"alive": False, "code": -9}


def polite_story(folder: Path) -> object:
    process = run(folder, "polite", "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n" + READY + SLEEP)
    await_ready(folder, "polite")
    stop_all([process], grace_s=GENEROUS_S / 2)
    return {"code": process.returncode}


def test_a_child_that_hears_sigterm_ends_by_itself(tmp_path: Path) -> None:
    assert play(polite_story, tmp_path) == {"code": 7}


def stopped_story(folder: Path) -> object:
    process = run(folder, "stopped", "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n" + READY + SLEEP)
    await_ready(folder, "stopped")
    process.send_signal(signal.SIGSTOP)
    stop_all([process], grace_s=GENEROUS_S / 2)
    return {"code": process.returncode}


def test_a_child_that_was_stopped_is_woken_to_end_by_itself(tmp_path: Path) -> None:
    assert play(stopped_story, tmp_path) == {"code": 7}


def apart_story(folder: Path) -> object:
    adopt_orphans()
    far = command(folder, "far", DEAF + READY + SLEEP)
    process = run(folder, "near", f"subprocess.Popen({far!r}, start_new_session=True)\n" + READY + SLEEP)
    await_ready(folder, "far", "near")
    apart = os.getsid(pid_of(folder, "far")) == pid_of(folder, "far")
    stop_all([process], grace_s=0.3)
    return {"apart": apart, "near": alive(pid_of(folder, "near")), "far": alive(pid_of(folder, "far"))}


def test_a_grandchild_in_a_session_of_its_own_is_ended_too(tmp_path: Path) -> None:
    assert play(apart_story, tmp_path) == {"apart": True, "near": False, "far": False}


def orphan_story(folder: Path) -> object:
    adopt_orphans()
    far = command(folder, "far", READY + SLEEP)
    process = run(folder, "near", f"subprocess.Popen({far!r}, start_new_session=True)\n")
    process.wait()
    await_ready(folder, "far")
    stop_all([process], grace_s=0.3)
    return {"far": alive(pid_of(folder, "far"))}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
def test_a_grandchild_whose_parent_ended_long_ago_is_ended_too(tmp_path: Path) -> None:
    assert play(orphan_story, tmp_path) == {"far": False}


def await_zombie(pid: int) -> None:
    """Wait until it ended and nobody asked yet how."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def codes_story(folder: Path) -> object:
    adopt_orphans()
    child = run(folder, "child", "sys.exit(7)\n")
    errand = subprocess.Popen([sys.executable, "-c", "raise SystemExit(8)"])
    far = command(folder, "far", READY + "sys.exit(9)\n")
    near = run(folder, "near", f"subprocess.Popen({far!r}, start_new_session=True)\n")
    near.wait()
    await_ready(folder, "far")
    for pid in (child.pid, errand.pid, pid_of(folder, "far")):
        await_zombie(pid)
    reap_orphans({child.pid})
    return {"orphan": psutil.pid_exists(pid_of(folder, "far")), "codes": [child.wait(), errand.wait()]}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
def test_an_orphan_that_ended_is_buried_and_every_exit_code_that_somebody_asks_for_is_kept(tmp_path: Path) -> None:
    assert play(codes_story, tmp_path) == {"orphan": False, "codes": [7, 8]}


def nobody_story(folder: Path) -> object:
    adopt_orphans()
    helper = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    names = [f"child-{number}" for number in range(4)]
    processes = [run(folder, name, (DEAF if at % 2 else "") + helper + READY + SLEEP) for at, name in enumerate(names)]
    await_ready(folder, *names)
    before = len(descendants())
    stop_all(processes, grace_s=0.3)
    return {"before": before, "after": [each.pid for each in descendants() if alive(each.pid)]}


def test_stopping_leaves_nobody(tmp_path: Path) -> None:
    assert play(nobody_story, tmp_path) == {"before": 8, "after": []}


def killed_story(folder: Path) -> object:
    run(folder, "child", READY + SLEEP)
    await_ready(folder, "child")
    os.kill(os.getpid(), signal.SIGKILL)
    return None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_supervisor_that_is_killed_takes_its_children_with_it(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        play(killed_story, tmp_path)

    pid = pid_of(tmp_path, "child")
    if psutil.pid_exists(pid):
        _, left = psutil.wait_procs([psutil.Process(pid)], timeout=GENEROUS_S / 2)
        assert not [each for each in left if each.status() != psutil.STATUS_ZOMBIE]
