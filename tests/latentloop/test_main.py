"""Where the product does not run it says so in one line, read by a Python that cannot read the rest of it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import latentloop.__main__ as front
from latentloop import supported


def test_the_unsupported_end_in_that_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        front.main(platform="win32")

    assert ended.value.code == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("latentloop: expected Linux, this is Windows") and said.err.count("\n") == 1


def test_leaving_while_the_command_line_loads_is_one_line_and_exit_code_130(tmp_path: Path) -> None:
    """A process that gets the signal of Ctrl-C in the moment when it begins to look for the command line."""
    code = (
        "import os, signal, sys\nfrom latentloop.__main__ import main\n"
        "class Pressed:\n    def find_spec(self, name, *more):\n"
        "        if name == 'latentloop.cli':\n            os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\nsys.meta_path.insert(0, Pressed())\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
    )

    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "latentloop: left before anything was begun\n"


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
