"""What sub-folders mean is guessed from their names and from how many images they hold."""

from __future__ import annotations

import pytest

from latentloop.init.looking.seen import tell_levels
from latentloop.init.looking.survey import Survey
from latentloop.init.proposing.meaning import guess_meaning


@pytest.mark.parametrize(
    ("folders", "meaning"),
    [
        ({}, "none"),
        ({"": 5000}, "none"),
        ({"": 5000, "odd": 3}, "none"),
        ({"cats": 300, "dogs": 250, "horses": 40}, "kind"),
        ({"animals/birds": 300, "animals/fish": 250, "buildings": 400}, "kind"),
        ({"katzen": 300, "Füchse": 250}, "kind"),
        ({"2024-01-03": 20, "2024-01-04": 31}, "date"),
        ({"2024/01": 20, "2024/02": 31}, "date"),
        ({"20240103": 20, "20240104": 31, "misc": 2}, "date"),
        ({"camera-1": 2000, "camera-2": 1500}, "source"),
        ({"shop_berlin": 2000, "shop_paris": 1500}, "source"),
        ({f"user{number:05}": 12 for number in range(900)}, "source"),
        ({f"a7f{number}": 2 for number in range(900)}, "source"),
        ({"cats": 3, "dogs": 2}, "source"),
        ({"png/cats": 300, "png/dogs": 200}, "source"),
    ],
)
def test_the_meaning_is_that_of_the_names(folders: dict[str, int], meaning: str) -> None:
    assert guess_meaning(folders).value == meaning


def test_a_folder_with_a_line_break_in_its_name_stays_one_line() -> None:
    assert "\n" not in guess_meaning({"cats\nbig": 300, "dogs": 250}).why


def test_of_folders_in_folders_it_is_said_which_level_is_the_kind_and_how_another_is_taken() -> None:
    def told(*folders: str) -> str:
        counts = dict.fromkeys(folders, 9)
        return tell_levels(Survey("inbox", "inbox", 99, 999, {".png": 99}, {}, (), counts, {}, ()))

    assert told("", "cats", "dogs") == ""
    line = told("shoes/boots", "animals/birds\nof prey", "bags")
    assert 'the first below the top ("animals" of "animals/birds\\nof prey"), a source the whole path' in line
    assert "intake.subfolders" in line and "give the folder above it, or a labels.csv" in line
