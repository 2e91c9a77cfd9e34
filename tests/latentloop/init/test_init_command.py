"""`latentloop init` as a person runs it: with a terminal that asks, without one, and with steps that are measured."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.latentloop.front_door import bare_environment, program, run_latentloop
from tests.latentloop.init.pictures import grey_textures, icons


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def test_without_a_terminal_somebody_must_say_yes(work: Path, tmp_path: Path) -> None:
    done = run_latentloop("init", str(tmp_path), env=bare_environment(), folder=work)

    assert done.returncode == 1
    assert done.stderr == "latentloop: there is no terminal to ask at: add --yes to take what is proposed\n"
    assert os.listdir(work) == []


def test_minutes_without_an_end_are_a_usage_line_as_other_minutes_that_cannot_be(work: Path, tmp_path: Path) -> None:
    pictures = grey_textures(tmp_path / "grey", 3)

    done = run_latentloop("init", str(pictures), "--yes", "--minutes", "inf", env=bare_environment(), folder=work)

    assert done.returncode == 2
    assert "Usage:" in done.stderr and "inf is not a finite number" in done.stderr and "Traceback" not in done.stderr
    assert os.listdir(work) == []


def test_a_script_gets_the_report_and_nothing_else(work: Path, tmp_path: Path) -> None:
    pictures = grey_textures(tmp_path / "grey", 30)

    done = run_latentloop("init", str(pictures), "--yes", "--no-measure", "--json", env=bare_environment(), folder=work)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images"] == 30
    assert sorted(os.listdir(work)) == ["latentloop-init.png", "latentloop.toml"]


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
