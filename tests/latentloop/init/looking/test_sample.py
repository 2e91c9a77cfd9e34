"""The sample: every chosen file is accounted for, bounds of time are heeded and said, and nothing is read twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from latentloop.init.looking.sample import MOST_S, SAY_EVERY_S, Files, Sample, take_sample
from latentloop.init.looking.survey import Survey, survey
from latentloop.sources.folder import FolderSource
from latentloop.sources.found import Found, Outcome


class Counting(FolderSource):
    """A folder that knows how often it was read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reads = 0

    def read(self, found: Found, most_bytes: int) -> Outcome:
        self.reads += 1
        return super().read(found, most_bytes)


@pytest.fixture
def source(tmp_path: Path) -> Counting:
    """Twenty pictures, half a picture, an empty one and a text without an ending."""
    for number in range(20):
        Image.effect_noise((16, 16), 10 + number).save(tmp_path / f"{number:02}.png")
    whole = (tmp_path / "00.png").read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "notes").write_text("about these pictures")
    return Counting(tmp_path)


def sampled(source: Counting, seconds_a_file: float = 0.0) -> tuple[Survey, Sample, list[str]]:
    """The sample where each look at the clock finds so many seconds gone."""
    surveyed, said = survey(source, 100), list[str]()

    def ticks() -> Iterator[float]:
        now = 0.0
        while True:
            yield now
            now += seconds_a_file

    clock = ticks()
    return surveyed, take_sample(surveyed, Files(source), said.append, lambda: next(clock)), said


def test_every_chosen_file_is_a_picture_refused_with_its_reason_or_no_image(source: Counting) -> None:
    surveyed, sample, said = sampled(source)

    assert len(surveyed.chosen) == sample.opened + sample.ignored == 23
    assert (len(sample.looks), sample.ignored, sample.cut_by) == (20, 1, "")
    assert sample.reasons() == {"truncated": 1, "empty_file": 1}
    assert said == []


def test_a_slow_place_is_ended_by_the_time_and_how_far_it_is_was_said(source: Counting) -> None:
    surveyed, sample, said = sampled(source, seconds_a_file=SAY_EVERY_S + 1)

    looked = sample.opened + sample.ignored
    assert looked == MOST_S // (SAY_EVERY_S + 1) + 1 < len(surveyed.chosen)
    assert sample.cut_by == f"{looked * (SAY_EVERY_S + 1):.0f} s"
    assert len(said) == looked, "each file took longer than the pause between two lines"
    assert said[0] == "looked at 1 of 23 files, about 90 s left"


def test_a_file_that_was_read_is_not_asked_for_again_and_one_that_is_gone_is_none(source: Counting) -> None:
    files, chosen = Files(source), survey(source, 100).chosen
    read = {found.path: outcome for found, outcome in files.read(iter(chosen))}
    asked = source.reads

    again = {found.path: files.again(found) for found in chosen if found.path.endswith(".png")}

    assert source.reads == asked == 23
    assert all(again[path] == read[path].data for path in again)  # type: ignore[union-attr]
    assert files.again(Found("gone.png", 1, "", chosen[0].changed_at)) is None
