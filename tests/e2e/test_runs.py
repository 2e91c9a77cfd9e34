"""A person leaves, cancels, waits for a paused pool; somebody kills a run: the commands say what happens."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.stores.sql.ledger import Ledger, Trigger
from deploy.wiring import open_database, open_registry
from tests.e2e.conftest import Loop
from tests.latentloop.front_door import program, run_latentloop

pytestmark = pytest.mark.server
RETRAIN = ("retrain", "--tier", "full", "--again")


class Command:
    """A command that runs beside the test, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[bytes], said: Path) -> None:
        self._process, self._said = process, said

    @property
    def said(self) -> str:
        return self._said.read_text()

    @property
    def run(self) -> str:
        """The id of the run that it follows."""
        found = re.search(r"flow-run/([0-9a-f-]{36})", self.said)
        return found[1] if found else ""

    def leave(self) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def ends(self, timeout_s: float = 240) -> int:
        return self._process.wait(timeout_s)


@contextlib.contextmanager
def _begun(loop: Loop, *arguments: str) -> Iterator[Command]:
    said = loop.folder / f"{arguments[0]}-{time.monotonic_ns()}.log"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [program(loop.env), *arguments],
            env=loop.env, cwd=loop.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            preexec_fn=_hear_interrupts,
        )  # fmt: skip
    try:
        yield Command(process, said)
    finally:
        process.kill()
        process.wait()


def _hear_interrupts() -> None:
    """As in a terminal: what a shell runs in the background, these tests among it, ignores Ctrl-C and hands that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_whoever_leaves_a_command_is_told_that_its_run_goes_on_and_can_cancel_it(
    loop: Loop, registered: dict[str, str]
) -> None:
    with _begun(loop, *RETRAIN) as command:
        key = _await_work(loop, command).key
        command.leave()
        assert command.ends() == 130, command.said
    (line,) = [each for each in command.said.splitlines() if each.startswith("latentloop: left")]
    assert line.startswith("latentloop: left; retrain-full goes on: see http://")
    assert f"/runs/flow-run/{command.run}, or cancel it with `latentloop cancel {command.run}`" in line
    with loop.open_orchestrator() as orchestrator:
        assert orchestrator.run_state(command.run).type == "RUNNING"
        assert loop.run("cancel", command.run).startswith(f"run {command.run} is cancelled: http://")
        assert orchestrator.run_state(command.run).type == "CANCELLED"

    _await(lambda: not _flow_processes(command.run), "the end of the run's process")
    _await(lambda: _standing(loop, key) == "cancelled", "the ledger to know that a person cancelled it")
    again = run_latentloop("cancel", command.run, env=loop.env, folder=loop.folder)
    assert again.returncode == 1
    assert f"run {command.run} is Cancelled already: nothing to cancel" in again.stderr


def test_a_run_that_was_killed_with_its_worker_ends_the_command_and_the_next_one_continues_it(
    loop: Loop, registered: dict[str, str]
) -> None:
    with _begun(loop, *RETRAIN) as command:
        trigger = _await_work(loop, command)
        _kill_worker(loop.settings.home, "gpu")
        loop.killed.append("worker gpu")
        for process in _flow_processes(command.run):
            process.kill()
        assert command.ends() == 1, command.said
    assert "Traceback" not in command.said
    last = command.said.splitlines()[-1]
    whose = f"attempt {trigger.attempt} of {trigger.owner}"
    assert last.startswith(f"latentloop: retrain-full was interrupted ({whose}): no sign of life for 15 s"), last
    assert "`latentloop retrain --tier full` continues it" in last
    assert _standing(loop, trigger.key) == "interrupted"

    # also where images came in since: a retraining ingests first, and makes another version of the catalogue
    made = json.loads(loop.run(*RETRAIN, "--json"))

    assert open_registry(loop.settings).version(made["version"]).tags["latentloop.trigger"] == trigger.key
    done = Ledger(open_database(loop.settings)).get_trigger(trigger.key)
    assert done is not None and (done.state, done.attempt) == ("done", trigger.attempt + 1)
    assert _standing(loop, trigger.key) is None
    with loop.open_orchestrator() as orchestrator:
        assert orchestrator.run_state(command.run).type == "RUNNING", "Prefect does not know"
        loop.run("cancel", command.run)
        assert orchestrator.run_state(command.run).type == "CANCELLED"


def test_a_run_that_waits_says_that_its_pool_is_paused_and_goes_on_when_it_is_not(
    loop: Loop, counts: dict[str, object]
) -> None:
    _pause(loop, "cpu", True)
    try:
        # all of it is in the catalogue: of the runs in this pool the one that works least
        with _begun(loop, "ingest", str(loop.folder / "incoming"), "--json") as command:
            _await(lambda: "is paused" in command.said, "the reason why it waits")
            page = f"{(loop.settings.prefect_url or '').removesuffix('/api')}/work-pools/work-pool/cpu"
            assert f"it waits: work pool cpu ({page}) is paused; resume it there" in command.said
            _pause(loop, "cpu", False)
            assert command.ends() == 0, command.said
        assert command.said.count("is paused") == 1
    finally:
        _pause(loop, "cpu", False)


def _await_work(loop: Loop, command: Command) -> Trigger:
    """The trigger of the command's run, once its flow has claimed it and Prefect shows it running."""
    ledger, found = Ledger(open_database(loop.settings)), list[Trigger]()

    def works() -> bool:
        if not command.run:
            return False
        with loop.open_orchestrator() as orchestrator:
            key = orchestrator.run_parameters(command.run)["key"]
            running = orchestrator.run_state(command.run).type == "RUNNING"
        trigger = ledger.get_trigger(key)
        pids = {process.pid for process in _flow_processes(command.run)}
        if trigger is not None and running and int(trigger.owner.split(":")[1]) in pids:
            found.append(trigger)
        return bool(found)

    _await(works, f"a run at work, said {command.said}")
    return found[0]


def _standing(loop: Loop, key: str) -> str | None:
    """What `status` says of a run; None where it does not show it."""
    runs = json.loads(loop.run("status", "--json"))["runs"]
    return next((str(each["standing"]) for each in runs if each["key"] == key), None)


def _flow_processes(run: str) -> list[psutil.Process]:
    """The processes that work on a run, as the worker started them."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("PREFECT__FLOW_RUN_ID") == run and process.pid != os.getpid():
                found.append(process)
    return found


def _kill_worker(home: Path, pool: str) -> None:
    """SIGKILL, so that nobody tells Prefect of the run's end; the supervisor starts another one."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            ours = any(str(home) in each for each in process.environ().values())
            if ours and f"laptop-{pool}" in process.cmdline():
                process.kill()
                return
    pytest.fail(f"no worker of pool {pool} found")


def _pause(loop: Loop, pool: str, paused: bool) -> None:
    loop.ask_prefect("PATCH", f"/work_pools/{pool}", {"is_paused": paused})


def _await(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, f"expected {what} within 120 s"
        time.sleep(0.1)
