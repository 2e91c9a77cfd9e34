"""Somebody's own pictures: each is read once, and what cannot be used is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from latentloop.demo.own.pictures import Pictures, read_pictures
from latentloop.errors import DemoFailed
from latentloop.sources.folder import FolderSource
from tests.latentloop.demo.own.three_kinds import FORM_16, KINDS, POLICY, quiet
from vae_core.images.preprocessing import pixel_digest


def test_every_picture_is_read_once_and_what_is_none_is_counted(pictures: Pictures) -> None:
    assert len(pictures) == sum(KINDS.values()) == len({pixel_digest(each) for each in pictures.pixels})
    assert pictures.left_out == {"same pixels as another": 1, "flat": 1, "damaged": 2}
    assert pictures.served.all() and not pictures.misjudged


def test_an_unknown_kind_is_one_line_with_the_near_names(folder: Path) -> None:
    with pytest.raises(DemoFailed, match=r"--season boot: .*did you mean boots\?"):
        read_pictures(FolderSource(folder), FORM_16, POLICY, 5_000, ("boot",), quiet)


def test_too_few_pictures_are_told_with_their_number(tmp_path: Path) -> None:
    for number in range(30):
        Image.effect_noise((16, 16), 60 + number).save(tmp_path / f"{number}.png")
    with pytest.raises(DemoFailed, match="30 different pictures can be used: expected at least 2,000"):
        read_pictures(FolderSource(tmp_path), FORM_16, POLICY, 5_000, (), quiet)
