"""The file of somebody who names no pictures: valid, and it changes nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path

from deploy.settings import load_settings
from latentloop.init.defaults import HEADING, default_lines
from latentloop.init.settings_file import require_valid, write_text
from tests.latentloop.init.running import init


def test_the_file_of_the_defaults_is_valid_and_changes_nothing() -> None:
    text = write_text(HEADING, default_lines())

    require_valid(text)
    assert tomllib.loads(text)["preprocessing"]["height"] == 28


def test_without_a_folder_the_defaults_are_written(work: Path) -> None:
    found, _ = init(None)

    assert load_settings().preprocessing.shape == (1, 28, 28)
    assert found.next[-3:] == ("latentloop doctor", "latentloop up --detach", "latentloop ingest FOLDER")
