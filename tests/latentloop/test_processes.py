"""Children are started, watched, restarted and above all ended.

Whoever ends its descendants ends all of them, so these stories run in a supervisor process of their own: the test
session's servers are descendants too.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from latentloop.errors import ProcessFailed
from latentloop.processes import ChildSpec, await_healthy, free_port, port_is_free, restart_dead, start

PRELUDE = """
import json, os, signal, sys, time
from pathlib import Path
import psutil
from latentloop.processes import *
from latentloop.processes import adopt_orphans

folder = Path(sys.argv[1])

def spec(name, code, **options):
    ready = folder / f"{name}.pid"
    start = "import os, signal, subprocess, sys, time\\nfrom pathlib import Path\\n"
    text = f"{start}ready = Path({str(ready)!r})\\n{code}"
    return ChildSpec(
        name, [sys.executable, "-c", text], dict(os.environ), folder, folder / f"{name}.log", ready.exists, **options
    )

READY = "temporary = ready.with_suffix('.tmp'); temporary.write_text(str(os.getpid())); temporary.rename(ready)\\n"
SLEEP = "time.sleep(60)\\n"

def alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE

def pid_of(name):
    return int((folder / f"{name}.pid").read_text())

adopt_orphans()
"""


def supervise(folder: Path, story: str) -> dict[str, object]:
    """Run a story in a supervisor process; it answers with one JSON object on its last line."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(story), str(folder)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def spec(folder: Path, code: str, *, healthy: bool = True, **options: float) -> ChildSpec:
    return ChildSpec(
        "clerk", [sys.executable, "-c", code], dict(os.environ), folder, folder / "clerk.log", lambda: healthy,
        **options,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    answer = supervise(
        tmp_path,
        """
        child = start(spec("deaf", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\n" + READY + SLEEP))
        await_healthy([child], lambda child, seconds: None, poll_s=0.02)
        stop_all([child], grace_s=0.3)
        print(json.dumps({"alive": alive(pid_of("deaf")), "code": child.process.returncode}))
        """,
    )

    assert answer == {"alive": False, "code": -9}


def test_a_child_that_hears_sigterm_ends_by_itself(tmp_path: Path) -> None:
    answer = supervise(
        tmp_path,
        """
        code = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\\n" + READY + SLEEP
        child = start(spec("polite", code))
        await_healthy([child], lambda child, seconds: None, poll_s=0.02)
        stop_all([child])
        print(json.dumps({"code": child.process.returncode}))
        """,
    )

    assert answer == {"code": 7}


def test_a_grandchild_in_a_session_of_its_own_is_ended_too(tmp_path: Path) -> None:
    answer = supervise(
        tmp_path,
        """
        far = spec("far", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\n" + READY + SLEEP)
        near = spec("near", f"subprocess.Popen({far.command!r}, start_new_session=True)\\n" + READY + SLEEP)
        child = start(near)
        while not (far.healthy() and near.healthy()):
            time.sleep(0.02)
        apart = os.getsid(pid_of("far")) == pid_of("far")
        stop_all([child], grace_s=0.3)
        print(json.dumps({"apart": apart, "near": alive(pid_of("near")), "far": alive(pid_of("far"))}))
        """,
    )

    assert answer == {"apart": True, "near": False, "far": False}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
def test_a_grandchild_whose_parent_ended_long_ago_is_ended_too(tmp_path: Path) -> None:
    answer = supervise(
        tmp_path,
        """
        far = spec("far", READY + SLEEP)
        child = start(spec("near", f"subprocess.Popen({far.command!r}, start_new_session=True)\\n"))
        child.process.wait()
        while not far.healthy():
            time.sleep(0.02)
        stop_all([child], grace_s=0.3)
        print(json.dumps({"far": alive(pid_of("far"))}))
        """,
    )

    assert answer == {"far": False}


def test_stopping_leaves_nobody(tmp_path: Path) -> None:
    answer = supervise(
        tmp_path,
        """
        deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\n"
        helper = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\\n"
        children = [start(spec(f"child-{n}", (deaf if n % 2 else "") + helper + READY + SLEEP)) for n in range(4)]
        await_healthy(children, lambda child, seconds: None, poll_s=0.02)
        before = len(psutil.Process().children(recursive=True))
        stop_all(children, grace_s=0.3)
        after = [each.pid for each in psutil.Process().children(recursive=True) if alive(each.pid)]
        print(json.dumps({"before": before, "after": after}))
        """,
    )

    assert answer == {"before": 8, "after": []}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_supervisor_that_is_killed_takes_its_children_with_it(tmp_path: Path) -> None:
    code = """
child = start(spec("child", READY + SLEEP))
await_healthy([child], lambda child, seconds: None, poll_s=0.02)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", PRELUDE + code, str(tmp_path)], check=False, timeout=60)

    assert done.returncode == -9
    pid = int((tmp_path / "child.pid").read_text())
    if psutil.pid_exists(pid):
        _, alive = psutil.wait_procs([psutil.Process(pid)], timeout=10)
        assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


def test_a_dead_child_is_started_again_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    children = [start(spec(tmp_path, "import sys; sys.exit(3)"))]
    dead = children[0].process
    dead.wait()

    restart_dead(children, said.append)
    children[0].process.wait()

    assert children[0].process.pid != dead.pid
    assert children[0].restarts == 1
    assert said == ["clerk ended with exit code 3; starting it again"]


def test_a_living_child_is_left_alone(tmp_path: Path) -> None:
    children = [start(spec(tmp_path, "import time; time.sleep(60)"))]
    process = children[0].process
    try:
        restart_dead(children, pytest.fail)
        assert children[0].process is process
    finally:
        process.kill()
        process.wait()


def test_a_child_that_dies_again_and_again_is_given_up(tmp_path: Path) -> None:
    children = [start(spec(tmp_path, "print('no disk'); raise SystemExit(3)", max_restarts=2))]
    with pytest.raises(ProcessFailed, match=r"^clerk died 3 times; it said: no disk \(log: .*clerk\.log\)$"):
        for _ in range(10):
            children[0].process.wait()
            restart_dead(children, lambda line: None)
    assert children[0].restarts == 2


def test_a_child_that_ends_at_once_is_a_failure_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = start(spec(tmp_path, "print('first'); print('port 80: permission denied\\n'); raise SystemExit(4)"))
    child.process.wait()

    with pytest.raises(ProcessFailed) as failed:
        await_healthy([child], lambda child, seconds: pytest.fail("it was never healthy"))

    log = tmp_path / "clerk.log"
    assert str(failed.value) == f"clerk ended with exit code 4; it said: port 80: permission denied (log: {log})"


def test_a_child_that_never_gets_healthy_is_a_failure(tmp_path: Path) -> None:
    child = start(spec(tmp_path, "import time; time.sleep(60)", healthy=False, start_timeout_s=0.1))
    try:
        with pytest.raises(ProcessFailed, match="clerk not healthy after 0 s"):
            await_healthy([child], lambda child, seconds: None, poll_s=0.05)
    finally:
        child.process.kill()
        child.process.wait()


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        assert not port_is_free(taken)
        assert free_port() != taken
    assert port_is_free(taken)
