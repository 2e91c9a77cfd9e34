"""Names are gone through once; the sample is spread evenly over the tree and is the same each time."""

from __future__ import annotations

from pathlib import Path

from latentloop.init.looking.survey import scatter, survey
from latentloop.sources.folder import FolderSource
from latentloop.sources.found import Found


def make(folder: Path, **counts: int) -> Path:
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            (folder / name / f"{number:03}.png").touch()
    return folder


def test_every_folder_gives_its_share_and_every_time_the_same(tmp_path: Path) -> None:
    source = FolderSource(make(tmp_path, a=60, b=30, c=10))

    chosen = survey(source, 50).chosen

    assert [sum(each.path.startswith(name) for each in chosen) for name in "abc"] == [30, 15, 5]
    assert survey(source, 50).chosen == chosen


def test_a_sample_that_is_ended_early_is_spread_evenly_as_well(tmp_path: Path) -> None:
    chosen = survey(FolderSource(make(tmp_path, a=64, b=64)), 128).chosen

    assert sum(each.path.startswith("a") for each in chosen[:16]) == 8


def test_all_are_counted_by_folder_and_what_is_no_image_by_its_ending(tmp_path: Path) -> None:
    folder = make(tmp_path, a=3, b=2)
    (folder / "notes.txt").write_text("x")
    (folder / "labels.csv").write_text("id,label\n")
    (folder / "a" / "no-ending").write_bytes(b"x")

    found = survey(FolderSource(folder), 100)

    assert found.tables == ("labels.csv",)
    assert (found.images, found.ignored, found.folders) == (6, {".txt": 1}, {"a": 4, "b": 2})


def test_of_more_names_than_are_held_the_choice_is_as_even(tmp_path: Path) -> None:
    chosen = survey(FolderSource(make(tmp_path, a=60, b=60, c=60)), 12, held=32).chosen

    assert len({each.path for each in chosen}) == 12
    assert all(3 <= sum(each.path.startswith(name) for each in chosen) <= 5 for name in "abc")


def test_scattering_loses_and_doubles_nothing(tmp_path: Path) -> None:
    for count in (0, 1, 2, 3, 7, 8, 100):
        found = list(survey(FolderSource(make(tmp_path / str(count), a=count)), 1000).chosen)
        assert sorted(scatter(found), key=by_path) == sorted(found, key=by_path)


def by_path(found: Found) -> str:
    return found.path
