"""The benchmark of own pictures: what is missing is said, patches are cut, and a loop that did not close misses."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.form import BenchmarkReport, Result, describe_machine
from benchmarks.idx_images import DataMissing
from benchmarks.own_images import Told, cut_patches, find_folders, judge

FIGURES = {"noticed_by_itself": 0.0, "good_refused_share": 0.001, "images_received": 2_000.0, "peak_memory_mb": 3_000.0}


def told(name: str, minutes: float, closed: bool = True) -> Told:
    results = tuple(Result.of(figure, value, "") for figure, value in FIGURES.items())
    report = BenchmarkReport(
        benchmark="demo", command="", date=datetime.now(UTC), machine=describe_machine(), results=results
    )
    return Told(name, report if closed else None, minutes, "" if closed else "expected a candidate")


def verdicts(several: list[Told], quick: bool = False) -> dict[str, bool]:
    return {each.name: each.passed for each in judge(several, quick) if each.limit is not None}


def test_three_closed_loops_within_time_pass() -> None:
    assert all(verdicts([told("a", 9), told("b", 14), told("c", 3)]).values())


def test_one_loop_that_did_not_close_or_took_long_misses_its_bar() -> None:
    assert verdicts([told("a", 9), told("b", 16, closed=False), told("c", 3)]) == {
        "loop_closed": False,
        "good_refused_share_max": True,
        "minutes_max": False,
    }
    assert verdicts([told("a", 9)] * 3, quick=True)["minutes_max"] is False


def test_missing_pictures_are_one_line_with_the_packages(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"apt-get install openclipart-png`.*--openclipart FOLDER") as caught:
        find_folders({"openclipart": tmp_path / "none", "wallpapers": tmp_path, "wesnoth": tmp_path})
    assert "\n" not in str(caught.value)


def test_wallpapers_are_cut_into_squares_the_largest_of_each(tmp_path: Path) -> None:
    images = tmp_path / "Dunes" / "contents" / "images"
    images.mkdir(parents=True)
    Image.effect_noise((400, 200), 80).convert("RGB").save(images / "400x200.png")
    Image.new("RGB", (100, 100)).save(images / "100x100.png")

    folder = cut_patches(tmp_path, tmp_path / "patches")

    patches = sorted(folder.rglob("*.png"))
    assert len(patches) == 4 * 2 and {each.parent.name for each in patches} == {"Dunes"}
    with Image.open(patches[0]) as patch:
        assert patch.size == (96, 96)
