"""Ids find their files by path, else by name, else by name without ending, and only where that is unique."""

from __future__ import annotations

import pytest

from latentloop.errors import UnusableLabels
from latentloop.sources.labels import Labels, Matching
from latentloop.sources.tables import Row


def match(rows: dict[str, str], *paths: str) -> Labels:
    matching = Matching(Row(f"labels.csv line {line}", id, label) for line, (id, label) in enumerate(rows.items(), 2))
    for path in paths:
        matching.see(path)
    return matching.settle()


def labels(found: Labels) -> dict[str, str]:
    return {path: row.label for path, row in found.of.items()}


@pytest.mark.parametrize("id", ["a/1.png", "./a/1.png", "a\\1.png", "1.png", "1", "a/1"])
def test_an_id_may_be_the_path_the_name_or_the_name_without_ending(id: str) -> None:
    assert labels(match({id: "cat"}, "a/1.png", "b/2.png")) == {"a/1.png": "cat"}


def test_a_path_is_surer_than_a_name() -> None:
    assert labels(match({"1.png": "top"}, "a/1.png", "1.png")) == {"1.png": "top"}


def test_an_id_that_fits_several_files_fits_none() -> None:
    found = match({"1.png": "cat", "2.png": "dog"}, "a/1.png", "b/1.png", "b/2.png")

    assert labels(found) == {"b/2.png": "dog"}
    assert [row.id for row in found.ambiguous] == ["1.png"]


def test_notes_beside_the_images_make_no_id_ambiguous() -> None:
    assert labels(match({"1": "cat"}, "1.png", "1.xml", "1.txt")) == {"1.png": "cat"}


def test_letters_are_the_same_however_they_are_composed() -> None:
    assert labels(match({"Käse.png": "k"}, "Ka\u0308se.png")) == {"Ka\u0308se.png": "k"}


def test_rows_that_mean_no_file_are_counted() -> None:
    found = match({"1.png": "cat", "9.png": "dog"}, "1.png", "2.png")

    assert (found.rows, [row.where for row in found.unmatched]) == (2, ["labels.csv line 3"])


def test_ids_that_match_nothing_are_refused_with_the_ids_and_the_names_of_the_files() -> None:
    with pytest.raises(UnusableLabels) as refused:
        match({"IMG_1": "cat", "IMG_2": "dog"}, "a/0001.png", "a/0002.png")

    assert str(refused.value) == (
        "labels.csv: of 2 ids ('IMG_1', 'IMG_2') none fits a file; the 2 files are called 'a/0001.png', 'a/0002.png': "
        "write the files' paths below the folder, or their names, into the id column, or move the table away"
    )


def join(*rows: Row) -> Labels:
    matching = Matching(rows)
    matching.see("a/1.png")
    return matching.settle()


@pytest.mark.parametrize("other", ["1.png", "a/1.png", "1"])
def test_rows_that_contradict_each_other_are_refused_with_both_lines(other: str) -> None:
    with pytest.raises(UnusableLabels, match=r"labels.csv line 2 and labels.csv line 9: .* say label cat and dog"):
        join(Row("labels.csv line 2", "1.png", "cat"), Row("labels.csv line 9", other, "dog"))


def test_rows_that_agree_or_complete_each_other_are_one() -> None:
    found = join(Row("labels.csv line 2", "1.png", "cat"), Row("m.jsonl line 1", "a/1.png", "cat", "shop"))

    (row,) = found.of.values()
    assert (row.label, row.source) == ("cat", "shop")
