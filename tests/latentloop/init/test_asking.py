"""At a terminal: every question has the proposal as its answer."""

from __future__ import annotations

import os
import pty
import subprocess
import tomllib
from pathlib import Path

from tests.latentloop.front_door import bare_environment, program
from tests.latentloop.init.pictures import icons


def test_at_a_terminal_every_question_has_the_proposal_as_its_answer(work: Path, tmp_path: Path) -> None:
    pictures = icons(tmp_path / "icons", 40)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [program(bare_environment()), "init", str(pictures), "--no-measure"],
        env=bare_environment(), cwd=work, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    # a size that no network takes is asked for again
    os.write(ours, b"\n\n\n50\n48\n\n\n")
    _, told = process.communicate(timeout=240)
    os.close(ours)
    os.close(theirs)

    assert process.returncode == 0, told
    assert "size 50x50: no network takes it" in told
    images = tomllib.loads((work / "latentloop.toml").read_text())["preprocessing"]
    assert (images["height"], images["width"], images["channels"]) == (48, 48, 3)
