"""What a sub-folder says is a setting; a table says it surer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from deploy.configuration.intake import Subfolders
from latentloop.sources.labels import Labels
from latentloop.sources.meaning import Meaning, Meant, find_twin_kinds, read_date
from latentloop.sources.tables import Row

DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("subfolders", "deep", "top"),
    [
        ("source", Meant("2026-03-01/x"), Meant("inbox")),
        ("kind", Meant("inbox", "2026-03-01"), Meant("inbox")),
        ("date", Meant("inbox", "", DAY), Meant("inbox")),
        ("none", Meant("inbox"), Meant("inbox")),
    ],
)
def test_a_sub_folder_is_a_source_a_kind_a_date_or_nothing(subfolders: Subfolders, deep: Meant, top: Meant) -> None:
    meaning = Meaning(subfolders, "inbox", Labels())

    assert (meaning.of("2026-03-01/x/1.png"), meaning.of("1.png")) == (deep, top)


def test_a_row_says_it_surer_and_what_it_leaves_out_the_folder_says() -> None:
    rows = {"cats/1.png": Row("l 2", "1", "tiger", "zoo", DAY), "cats/2.png": Row("l 3", "2", source="zoo")}
    meaning = Meaning("kind", "inbox", Labels(rows, 2))

    assert meaning.of("cats/1.png") == Meant("zoo", "tiger", DAY)
    assert meaning.of("cats/2.png") == Meant("zoo", "cats")


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("2026-03-01", DAY), ("20260301", DAY), ("2026_03_01", DAY), ("2026.03.01 market", DAY), ("2026/03/01", DAY),
        ("2026/03", DAY), ("2026/3/1", DAY), ("2026-03", DAY), ("202603", DAY), ("shop/2026/03/raw", DAY),
        ("shop-20260301-b", DAY), ("2026", datetime(2026, 1, 1, tzinfo=UTC)),
        ("", None), ("march", None), ("2026-02-30", None), ("1234567890", None), ("20261301", None), ("0726", None),
    ],
)  # fmt: skip
def test_a_date_is_read_where_a_folder_tells_one(folder: str, expected: datetime | None) -> None:
    assert read_date(folder) == expected


def test_kinds_that_differ_only_by_case_blanks_or_composition_are_found() -> None:
    kinds = ["Cat", "cat ", "dog", "Käse", "Ka\u0308se", "bird"]

    assert find_twin_kinds(kinds) == [("Cat", "cat "), ("Ka\u0308se", "Käse")]


def test_another_meaning_has_another_digest() -> None:
    meant = [Meant("a"), Meant("b"), Meant("a", "b"), Meant("a", "", DAY), Meant("a", "x", DAY)]

    assert len({each.digest for each in meant}) == len(meant)
