"""What the README shows can be taken as it stands; its commands are run by tests/e2e/test_own_settings.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.settings import load_settings
from tests.deploy.settled import empty_the_environment
from tests.latentloop.readme import shown_commands, shown_settings


def test_the_readme_shows_settings_and_the_way_from_init_to_down() -> None:
    assert len(shown_settings()) >= 2
    assert (shown_commands()[0], shown_commands()[-1]) == (["init", "FOLDER", "--yes"], ["down"])


@pytest.mark.parametrize("content", shown_settings(), ids=lambda content: content.split("\n")[0])
def test_every_settings_file_of_the_readme_is_taken(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_the_environment(tmp_path, monkeypatch)
    (tmp_path / "latentloop.toml").write_text(content)

    assert load_settings().file == tmp_path / "latentloop.toml"
