"""Whoever leaves early is heard, in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.latentloop.front_door import environment


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ingest", "."), "left before anything was begun"),
        (("retrain", "--tier", "full"), "left before anything was begun"),
        (("monitor",), "left before anything was begun"),
        (("quarantine", "list"), "interrupted"),
        (("approve", "1"), "interrupted"),
    ],
    ids=lambda each: each[0] if isinstance(each, tuple) else "",
)
def test_an_early_ctrl_c_is_heard_in_one_line(
    arguments: tuple[str, ...], said: str, home: Path, tmp_path: Path
) -> None:
    code = (
        "import os, signal, sys\nimport deploy.settings\nfrom latentloop.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "deploy.settings.load_settings = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.argv = ['latentloop', *sys.argv[1:]]\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(home), cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"latentloop: {said}\n")
