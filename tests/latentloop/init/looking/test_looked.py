"""A place that is looked at: where nothing in it can be used, one line says what is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from latentloop.errors import FrontDoorError
from tests.latentloop.init.running import init


def test_a_place_without_usable_images_is_one_line_and_nothing_is_written(work: Path, tmp_path: Path) -> None:
    bare, texts, broken = (tmp_path / name for name in ("bare", "texts", "broken"))
    for each in (bare, texts, broken):
        each.mkdir()
    (texts / "a.txt").write_text("x")
    (broken / "a.png").write_bytes(b"")
    (broken / "b.jpg").write_bytes(b"\xff\xd8\xff not really")

    expected = {
        bare: "expected image files in it or below, found nothing",
        texts: "found 1 .txt",
        broken: "all 2 images that were opened are refused .*1 empty_file",
        tmp_path / "nowhere": "expected a folder of image files, found nothing",
    }
    for place, said in expected.items():
        with pytest.raises(FrontDoorError, match=said) as refused:
            init(place)
        assert "\n" not in str(refused.value)
    assert os.listdir(work) == []
