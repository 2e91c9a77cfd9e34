"""Ingests in children that are killed at a fault point; run as `python -m tests.faults.ingest_driver FOLDER MODE`.

Everything heavy is imported once and nothing is opened here, so every child forks from a clean process.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from deploy.stores import faults
from tests.tasks.arrivals import capture_mixed_shipment, end_state, ingest, write_config
from tests.tasks.opened import opened

# what an ingest would import in its functions
for _name in ("great_expectations", "pandas", "deltalake", "alembic.command", "alembic.config", "PIL.PngImagePlugin",
              "data_checks.table.suite", "deploy.stores.objects.artifacts", "deploy.stores.objects.local",
              "deploy.stores.sql.release", "tasks.ingest"):  # fmt: skip
    importlib.import_module(_name)

KILLED = 137
Position = tuple[str, str]


def main(folder: Path, mode: str) -> None:
    """Print what happened as JSON."""
    os.environ["LATENTLOOP_CONFIG"] = str(write_config(folder))
    template = folder / "template"
    assert _wait(_start(template, lambda: _write(folder / "received", capture_mixed_shipment()))) == 0
    report = {"received": json.loads((folder / "received").read_text())}
    report |= _uninterrupted(folder, template)
    report |= _killed_everywhere(folder, template, report) if mode == "killed" else _at_once(folder, template)
    print(json.dumps(report))


def _uninterrupted(folder: Path, template: Path) -> dict[str, object]:
    sequence: list[Position] = []

    def run() -> None:
        with faults.installed(lambda name, moment: sequence.append((name, moment))):
            ingest()
        _write(folder / "sequence", sequence)
        _write(folder / "whole", end_state())

    assert _wait(_start(_copy(template, folder / "home"), run)) == 0
    return {
        "sequence": json.loads((folder / "sequence").read_text()),
        "whole": json.loads((folder / "whole").read_text()),
    }


def _killed_everywhere(folder: Path, template: Path, report: dict) -> dict[str, object]:
    cases = []
    sequence = report["sequence"]
    for position, (name, moment) in enumerate(sequence):
        if moment == "after" and position + 1 < len(sequence):
            continue  # what lasts is the same as before the next write
        home = _copy(template, folder / "home")
        died = _wait(_start(home, lambda position=position: _ingest_until(position)))
        again = _wait(_start(home, lambda: (ingest(), _write(folder / "state", end_state()))))
        state = json.loads((folder / "state").read_text())
        different = [part for part in state if state[part] != report["whole"][part]]
        cases.append({"at": f"{position} {moment} {name}", "died": died, "again": again, "different": different})
        (folder / "state").unlink()
    return {"cases": cases}


def _ingest_until(position: int) -> None:
    passed = 0

    def kill(name: str, moment: str) -> None:
        nonlocal passed
        if passed == position:
            os._exit(KILLED)
        passed += 1

    faults.install(kill)
    ingest()


def _at_once(folder: Path, template: Path) -> dict[str, object]:
    home = _copy(template, folder / "home")

    def run(mine: Path, other: Path) -> None:
        from tasks.ingest import find_new_segments, ingest_segments

        chunks = find_new_segments.fn(opened())
        mine.touch()
        while not other.exists():  # both have found the same segments before either takes one in
            time.sleep(0.001)
        for chunk in chunks:
            ingest_segments.fn(opened(), chunk)

    one, two = folder / "one", folder / "two"
    children = [_start(home, lambda: run(one, two)), _start(home, lambda: run(two, one))]
    ended = [_wait(child) for child in children]
    assert _wait(_start(home, lambda: _write(folder / "state", end_state()))) == 0
    return {"ended": ended, "state": json.loads((folder / "state").read_text())}


def _copy(template: Path, home: Path) -> Path:
    shutil.rmtree(home, ignore_errors=True)
    return shutil.copytree(template, home)


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value))


def _start(home: Path, work: Callable[[], object]) -> int:
    if child := os.fork():
        return child
    os.environ["LATENTLOOP_HOME"] = str(home)
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)  # a child must not run the driver's exit handlers


def _wait(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
