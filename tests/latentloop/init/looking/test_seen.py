"""What the sample shows, in a few plain lines."""

from __future__ import annotations

from latentloop.init.looking.seen import tell_levels
from latentloop.init.looking.survey import Survey


def test_of_folders_in_folders_it_is_said_which_level_is_the_kind_and_how_another_is_taken() -> None:
    def told(*folders: str) -> str:
        counts = dict.fromkeys(folders, 9)
        return tell_levels(Survey("inbox", "inbox", 99, 999, {".png": 99}, {}, (), counts, {}, ()))

    assert told("", "cats", "dogs") == ""
    line = told("shoes/boots", "animals/birds\nof prey", "bags")
    assert 'the first below the top ("animals" of "animals/birds\\nof prey"), a source the whole path' in line
    assert "intake.subfolders" in line and "give the folder above it, or a labels.csv" in line
