"""Quarantine on a terminal and in a pipe: how many of which reason, and in a pipe nothing is cut."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.stores.objects.captures import CapturedImage, CaptureStore
from tests.latentloop.quarantine.typed import run
from tests.tasks.arrivals import damaged, ingest
from tests.tasks.opened import opened


def test_an_empty_quarantine_says_so(home: Path) -> None:
    run("release", "low_variance", "--reason", "fine")
    run("discard", "all", "--reason", "gone")
    assert run("list").stdout.startswith("quarantine is empty")
    assert json.loads(run("list", "--json").stdout) == []


def test_in_a_pipe_the_rows_are_whole(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, at = f"{'a very long folder/' * 20}black.png", datetime(2026, 1, 1, tzinfo=UTC)
    CaptureStore(opened().objects).write_by_content([CapturedImage(name, "s", at, damaged("black", 3))])
    ingest()
    monkeypatch.delenv("COLUMNS")

    rows = {each["name"]: each for each in json.loads(run("show", "all", "--json").stdout)}
    (line,) = [line for line in run("show", "all").stdout.splitlines() if rows[name]["id"] in line]

    assert re.split(r"  +", line.strip()) == [rows[name]["id"], rows[name]["reason"], name, rows[name]["detail"]]
