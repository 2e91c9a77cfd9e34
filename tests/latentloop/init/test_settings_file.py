"""The settings file: every line with its reason, valid, whole, and never over another."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from latentloop.errors import InitRefused
from latentloop.init.settings_file import Line, require_place, require_valid, write_new, write_text


def test_every_setting_has_a_reason_beside_it_or_above_it() -> None:
    lines = (Line("product", "shop", "the folder's name"), Line("preprocessing.height", 64, "because " * 30))

    text = write_text(("who wrote it",), lines)

    assert text.splitlines() == [
        "# who wrote it", "", 'product = "shop"  # the folder\'s name', "", "[preprocessing]", f"# {'because ' * 30}",
        "height = 64",
    ]  # fmt: skip


def test_a_reason_with_a_line_break_cannot_become_a_setting() -> None:
    text = write_text((), (Line("product", "shop", 'folder "a\nhome = "/"'),))

    assert tomllib.loads(text) == {"product": "shop"}


def test_settings_that_contradict_themselves_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InitRefused, match="training.model: height 50 is not a multiple of 4") as refused:
        require_valid("[preprocessing]\nheight = 50\n")

    assert "\n" not in str(refused.value)


def test_what_the_environment_says_does_not_mend_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_PREPROCESSING__HEIGHT", "64")

    with pytest.raises(InitRefused):
        require_valid("[preprocessing]\nheight = 50\n")


def test_a_file_that_is_there_is_never_overwritten_also_where_it_came_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "latentloop.toml"
    path.write_text("mine")

    with pytest.raises(InitRefused, match="never overwritten: move it away, or add --output FILE"):
        require_place(path)
    with pytest.raises(InitRefused, match="never overwritten"):
        write_new(path, "yours")
    assert path.read_text() == "mine"
    assert os.listdir(tmp_path) == ["latentloop.toml"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InitRefused, match="there is no such folder"):
        require_place(tmp_path / "nowhere" / "latentloop.toml")
