"""The one list of what the ledger holds: every kind, each with a line of the release before, and nothing past it."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import deploy.record
import tests.deploy.record
from deploy.record.kind import Kind
from deploy.record.kinds import KINDS

ROOT = Path(deploy.record.__file__).resolve().parents[2]
PRODUCT = ("latentloop", "flows", "tasks", "deploy", "data_checks", "vae_core")


def test_the_list_holds_every_kind_that_the_room_defines_and_each_name_once() -> None:
    modules = [
        importlib.import_module(f"deploy.record.{each.name}") for each in pkgutil.iter_modules(deploy.record.__path__)
    ]
    values = [value for module in modules for value in vars(module).values()]
    values += [each for value in values if isinstance(value, dict) for each in value.values()]
    defined = {value.name for value in values if isinstance(value, Kind)}

    assert defined == {kind.name for kind in KINDS}
    assert len(defined) == len(KINDS)


def test_of_every_kind_there_is_a_line_of_the_release_before() -> None:
    modules = [
        importlib.import_module(f"tests.deploy.record.{each.name}")
        for each in pkgutil.iter_modules(tests.deploy.record.__path__)
    ]
    kept = [name for module in modules for name in getattr(module, "WRITTEN_BEFORE", {})]
    assert sorted(kept) == sorted(kind.name for kind in KINDS)


def test_lines_are_written_and_read_by_their_kinds_alone() -> None:
    at_home = {ROOT / "deploy" / "record", ROOT / "deploy" / "stores" / "sql"}
    elsewhere = [file for room in PRODUCT for file in (ROOT / room).rglob("*.py") if file.parent not in at_home]
    assert [str(file) for file in elsewhere if re.search(r"\.(record|entries)\(", file.read_text())] == []
