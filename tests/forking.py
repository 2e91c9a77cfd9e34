"""One process that has loaded the heavy libraries, of which programs are forks: they begin where their work begins.

Such a program is a process as always, with arguments, environment, folder, files and an exit code of its own. All that
it shares is what was read before the fork: modules, which look at no setting when they are loaded. What one says then
is part of what every program says, as if it had loaded it.

Whoever runs this file is that process: one JSON line on its stdin is a program, one on its stdout how that ended.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel

CHECKOUT = Path(__file__).parents[1]
OF_A_TEST = ("LATENTLOOP_", "PYTEST_")
"""Variables that no library reads while it is loaded."""


class Asked(BaseModel):
    """A program, and the folder of the files that take its words."""

    code: str
    arguments: list[str]
    environment: dict[str, str]
    folder: Path
    words: Path
    timeout_s: float


class Forking:
    """The process, with the libraries (modules) that it loads; it ends with whoever started it."""

    def __init__(self, environment: dict[str, str], libraries: Sequence[str]) -> None:
        self._foreign = _foreign(environment)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *libraries], cwd=CHECKOUT, env=self._foreign,
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said,
        )  # fmt: skip
        atexit.register(self._close)

    def can_run(self, environment: dict[str, str]) -> bool:
        """Differs the environment in nothing that a library may have read when it was loaded?"""
        return _foreign(environment) == self._foreign

    def run(
        self, code: str, environment: dict[str, str], folder: Path, timeout_s: float, arguments: Sequence[str] = ("-c",)
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end; subprocess.TimeoutExpired where it had to be killed."""
        with tempfile.TemporaryDirectory() as name:
            asked = Asked(
                code=code, arguments=list(arguments), environment=environment, folder=folder, words=Path(name),
                timeout_s=timeout_s,
            )  # fmt: skip
            assert self._process.stdin is not None and self._process.stdout is not None
            self._process.stdin.write(asked.model_dump_json() + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
            self._said.seek(0)
            loading = self._said.read().decode()
            assert answer, f"the process that forks the programs ended: {loading}"
            out, err = ((asked.words / each).read_text() for each in ("stdout", "stderr"))
            if (exit_code := json.loads(answer)) is None:
                raise subprocess.TimeoutExpired(asked.arguments, timeout_s, out, err)
            return subprocess.CompletedProcess(asked.arguments, exit_code, out, loading + err)

    def _close(self) -> None:
        self._process.communicate()
        self._said.close()


def _foreign(environment: dict[str, str]) -> dict[str, str]:
    """What libraries may read while they are loaded: without our own settings, with what these set for all vendors."""
    from deploy.settings import VENDOR_ENVIRONMENT  # not above: the order of its modules is that process's own

    told = {**VENDOR_ENVIRONMENT, **environment}
    return {name: value for name, value in told.items() if not name.startswith(OF_A_TEST)}


def serve() -> str:
    """Answer until stdin ends. It returns in each fork: the code that this one is to run."""
    # as the settings tell it: what a loaded machine makes a library say while it is loaded is no program's word
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    for each in sys.argv[1:]:
        importlib.import_module(each)
    gc.freeze()
    for line in sys.stdin:
        asked = Asked.model_validate_json(line)
        if (pid := os.fork()) == 0:
            _become(asked)
            return asked.code
        print(json.dumps(_await_end(pid, asked.timeout_s)), flush=True)
    sys.exit()


def _become(asked: Asked) -> None:
    """Be the process that was asked for, up to its first line."""
    os.setsid()
    writes = os.O_WRONLY | os.O_CREAT
    files = ((os.devnull, os.O_RDONLY), (asked.words / "stdout", writes), (asked.words / "stderr", writes))
    for number, (name, flags) in enumerate(files):
        opened = os.open(name, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(asked.folder)
    os.environ.clear()
    os.environ.update(asked.environment)
    sys.argv = asked.arguments
    if asked.arguments[0] != "-c":
        sys.path[0] = str(Path(asked.arguments[0]).parent)


def _await_end(pid: int, timeout_s: float) -> int | None:
    """The exit code as `subprocess` gives it; None for one that had to be killed."""
    late = threading.Event()

    def end() -> None:
        late.set()
        os.killpg(pid, signal.SIGKILL)

    timer = threading.Timer(timeout_s, end)
    timer.start()
    _, status = os.waitpid(pid, 0)
    timer.cancel()
    timer.join()  # a process with two threads is not one to be forked
    return None if late.is_set() else os.waitstatus_to_exitcode(status)


def leave(code: str | int | None) -> NoReturn:
    """End as an interpreter does, but for tearing down what was loaded before the fork, which takes half a second."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    gc.collect()  # what was left open says so
    if isinstance(code, str):
        print(code, file=sys.stderr)
    for each in (sys.stdout, sys.stderr):
        each.flush()
    os._exit(1 if isinstance(code, str) else code or 0)


if __name__ == "__main__":
    program = compile(serve(), "<program>", "exec")
    try:
        exec(program, {"__name__": "__main__"})
    except SystemExit as ended:
        left_with = ended.code
    else:
        left_with = None
    leave(left_with)
