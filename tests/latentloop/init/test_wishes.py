"""What a person said with flags is read before any picture is looked at: what cannot be is one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from latentloop.errors import FrontDoorError
from tests.latentloop.front_door import bare_environment, run_latentloop
from tests.latentloop.init.pictures import grey_textures
from tests.latentloop.init.running import init, written


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


def test_flags_come_before_what_is_proposed(work: Path, tmp_path: Path) -> None:
    pictures = grey_textures(tmp_path / "grey", 20)

    init(pictures, size="32x48", channels="3", fit="stretch", subfolders="date", product="mine")

    found, images = written(work), written(work)["preprocessing"]
    assert (images["channels"], images["height"], images["width"], images["fit"]) == (3, 32, 48, "stretch")
    assert (found["intake"]["subfolders"], found["product"]) == ("date", "mine")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"size": "50"}, "size 50x50: no network takes it: multiples of 4 from 8 to 256"),
        ({"size": "large"}, "size 'large': expected pixels such as 64"),
        ({"channels": "4"}, "channels '4': expected 1 .grey. or 3 .colour."),
        ({"fit": "squeeze"}, "fit 'squeeze': expected refuse or pad"),
        ({"subfolders": "labels"}, "subfolders 'labels': expected source or kind"),
        ({"product": "my shop"}, "product 'my shop': expected letters"),
    ],
)
def test_a_flag_that_cannot_be_is_one_line(work: Path, tmp_path: Path, flags: dict[str, str], expected: str) -> None:
    with pytest.raises(FrontDoorError, match=expected):
        init(tmp_path, **flags)
