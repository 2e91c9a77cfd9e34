"""An ingest that is killed at any durable write and run again ends as if nothing had happened."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def _drive(folder: Path, mode: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.faults.ingest_driver", str(folder), mode]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    report["stderr"] = done.stderr
    return report


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _drive(tmp_path_factory.mktemp("killed"), "killed")


def test_the_enumeration_meets_every_durable_write_of_an_ingest(killed: dict[str, Any]) -> None:
    names = {name for name, _ in killed["sequence"]}
    assert names >= {
        "catalogue.create", "catalogue.append", "quarantine.append", "digests.claim", "ledger.record", "objects.put",
        "objects.rename",
    }  # fmt: skip
    before = [moment for _, moment in killed["sequence"] if moment == "before"]
    assert len(killed["cases"]) == len(before) + 1, "before each write, and after the last"


def test_an_ingest_that_is_killed_anywhere_and_run_again_ends_the_same(killed: dict[str, Any]) -> None:
    wrong = [case for case in killed["cases"] if (case["died"], case["again"], case["different"]) != (137, 0, [])]
    assert not wrong, killed["stderr"][-4000:]


def test_accepted_plus_quarantined_is_received(killed: dict[str, Any]) -> None:
    whole = killed["whole"]
    assert len(whole["catalogue"]) + len(whole["quarantine"]) == killed["received"]
    assert len(whole["digests"]) == len(whole["catalogue"])
    assert len(whole["ledger"]) == 3


def test_two_ingests_of_the_same_segments_at_once_take_no_row_twice(tmp_path: Path) -> None:
    report = _drive(tmp_path, "at-once")
    assert report["ended"] == [0, 0], report["stderr"][-4000:]
    assert report["state"] == report["whole"]
