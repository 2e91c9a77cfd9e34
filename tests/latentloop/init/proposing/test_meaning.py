"""What sub-folders mean is guessed from their names and from how many images they hold."""

from __future__ import annotations

import pytest

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
