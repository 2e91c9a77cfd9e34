"""How a story on somebody's own pictures begins: what was seen, used and kept out is told, and shown as pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.settings import CONFIG_VARIABLE
from latentloop.demo.figures import own_form
from latentloop.demo.own.settings import OWN_QUICK
from latentloop.demo.own.story import MOST_MINUTES_QUICK, begin_own_story
from latentloop.demo.told import DemoModel, Told
from tests.latentloop.demo.own.three_kinds import KINDS


def test_the_first_chapter_tells_what_was_used_and_what_was_kept_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CONFIG_VARIABLE, "")
    said: list[str] = []

    story = begin_own_story(Told(True, DemoModel.vae, str(folder), ("boots",)), OWN_QUICK, 3, said.append)

    (chapter,) = story.chapters
    rows = dict(chapter.rows)
    usable = sum(KINDS.values())
    assert said[0] == f"— {chapter.title}" and chapter.seconds > 0
    assert (rows["pictures"], rows["form"].split(",")[0]) == (str(folder), "16x16 colour")
    assert rows["images by their names"] == f"{usable + 4:,}, {usable:,} of them are used"
    assert rows["the season, kept out"] == f"{KINDS['boots']} pictures: kinds boots"
    assert rows["left out: same pixels as another"] == "1"
    shipped = int(rows["shipped"].split()[0].replace(",", ""))
    assert 0 < shipped < usable - KINDS["boots"], "some of the others are traffic"
    assert [png[:8] for _, png in story.pictures] == [b"\x89PNG\r\n\x1a\n"] * 3
    assert story.form == own_form(MOST_MINUTES_QUICK)
    assert story.supply.most_season is not None, "it may ask for the emergency itself"
