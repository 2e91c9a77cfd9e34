"""Where the product does not run it says so in one line, read by a Python that cannot read the rest of it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import latentloop.__main__ as front
from latentloop import supported


def test_the_unsupported_end_in_that_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(front.sys, "platform", "win32")

    with pytest.raises(SystemExit) as ended:
        front.main()

    assert ended.value.code == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("latentloop: expected Linux, this is Windows") and said.err.count("\n") == 1


def test_leaving_while_the_command_line_loads_is_one_line_and_exit_code_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Pressed:
        def find_spec(self, name: str, *more: object) -> None:
            if name == "latentloop.cli":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "latentloop.cli", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Pressed(), *sys.meta_path])

    with pytest.raises(SystemExit) as ended:
        front.main()

    assert ended.value.code == 130
    assert capsys.readouterr().err == "latentloop: left before anything was begun\n"


def test_the_entry_point_is_read_by_python_3_8_up_to_the_check() -> None:
    """What it imports before the check is of the standard library, and `latentloop` itself is a docstring."""
    taken = {}
    for module in (front, supported):
        tree = ast.parse(Path(module.__file__).read_text("utf-8"), feature_version=(3, 8))
        imported = [each.names[0].name for each in tree.body if isinstance(each, ast.Import)]
        taken[module] = [*imported, *(each.module for each in tree.body if isinstance(each, ast.ImportFrom))]
    assert taken == {front: ["sys", "__future__", "latentloop.supported"], supported: ["__future__"]}
    (only,) = ast.parse(Path(front.__file__).with_name("__init__.py").read_text("utf-8")).body
    assert isinstance(only, ast.Expr)
