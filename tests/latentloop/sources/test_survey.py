"""The first look says what tables and sub-folders there are, and what is odd about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from latentloop.errors import UnusableLabels
from latentloop.sources.folder import FolderSource
from latentloop.sources.survey import Survey, survey
from tests.latentloop.sources.places import write


def look(inbox: Path, subfolders: str = "kind", labels: Path | None = None) -> tuple[Survey, list[str]]:
    said: list[str] = []
    return survey(FolderSource(inbox), subfolders, labels, said.append), said  # type: ignore[arg-type]


def test_a_table_beside_the_images_is_read_without_being_named(inbox: Path) -> None:
    write(inbox, "1.png", "2.png", "3.png")
    (inbox / "labels.csv").write_text("id,label\n1,cat\n2.png,dog\n7,cow\n")

    found, said = look(inbox)

    assert {path: row.label for path, row in found.meaning.labels.of.items()} == {"1.png": "cat", "2.png": "dog"}
    assert (found.files, found.tables) == (4, frozenset({"labels.csv"}))
    assert said == ["labels: 2 of 3 rows mean a file; 1 mean none, the first is labels.csv line 4 ('7')"]


def test_two_tables_complete_each_other(inbox: Path) -> None:
    write(inbox, "1.png")
    (inbox / "labels.csv").write_text("id,label\n1,cat\n")
    (inbox / "times.jsonl").write_text('{"file": "1.png", "captured_at": "2026-03-01"}\n')

    found, _ = look(inbox)

    meant = found.meaning.of("1.png")
    assert (meant.label, meant.told_at is not None) == ("cat", True)


def test_a_named_table_is_read_in_place_of_those_beside_the_images(inbox: Path, tmp_path: Path) -> None:
    write(inbox, "1.png")
    (inbox / "labels.csv").write_text("id,label\n1,cat\n")
    (tmp_path / "better.csv").write_text("id,label\n1,tiger\n")

    found, _ = look(inbox, labels=tmp_path / "better.csv")

    assert (found.meaning.of("1.png").label, found.tables) == ("tiger", frozenset())


@pytest.mark.parametrize(("name", "content"), [("nowhere.csv", None), ("labels.xlsx", b"PK"), ("l.csv", b"a,b\n1,2\n")])
def test_a_named_table_that_cannot_be_used_is_refused_by_name(
    inbox: Path, tmp_path: Path, name: str, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(UnusableLabels, match=name):
        look(inbox, labels=tmp_path / name)


def test_what_has_only_the_name_of_a_table_is_no_table(inbox: Path) -> None:
    write(inbox, "1.png")
    (inbox / "log.jsonl").write_text('{"level": "info"}\n')

    found, said = look(inbox)

    assert found.tables == frozenset()
    assert said == ["log.jsonl is not read: its first line names no id with a label, source or captured_at"]


def test_a_table_of_another_name_and_one_in_a_sub_folder_are_pointed_out(inbox: Path) -> None:
    write(inbox, "a/1.png")
    (inbox / "train.csv").write_text("id,label\n1,cat\n")
    (inbox / "a" / "metadata.csv").write_text("id,label\n1,cat\n")
    (inbox / "prices.csv").write_text("item,price\n1,2\n")

    _, said = look(inbox)

    assert said == [
        "a/metadata.csv: a table in a sub-folder is not read; name one with --labels to use it",
        "train.csv looks like labels and is not read: `--labels train.csv` uses it",
    ]


def test_kinds_in_folders_of_folders_and_twins_among_them_are_said(inbox: Path) -> None:
    write(inbox, "Cat/1.png", "cat /2.png", "dog/brown/3.png")

    _, said = look(inbox)

    assert said == [
        "folders lie in folders: the first below the top is the kind (Cat, cat , dog); ingest one of them for others",
        "kinds 'Cat' and 'cat ' differ only by case or blanks and stay apart: rename a folder where they are one kind",
    ]


def test_folders_that_tell_no_date_are_said_once(inbox: Path) -> None:
    write(inbox, "2026-03-01/1.png", "summer/2.png", "winter/3.png")

    _, said = look(inbox, "date")

    assert said == ["2 of 3 sub-folders name no date (summer): their images have the files' own times"]


def test_sources_are_nothing_to_speak_of(inbox: Path) -> None:
    write(inbox, "Cat/1.png", "cat/deep/2.png")

    assert look(inbox, "source")[1] == look(inbox, "none")[1] == []
