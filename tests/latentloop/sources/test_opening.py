"""From what a person named to the source behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.settings import Settings
from latentloop.errors import NothingToDo
from latentloop.sources.opening import open_source


@pytest.mark.parametrize("place", ["https://example.org/a.zip", "gs://bucket"])
def test_another_kind_of_place_is_refused(place: str, tmp_path: Path) -> None:
    with pytest.raises(NothingToDo, match="expected a folder or s3://bucket/prefix"):
        open_source(Settings(home=tmp_path), place)


def test_a_folder_may_be_named_from_the_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "pictures").mkdir()

    assert open_source(Settings(home=tmp_path / "home"), "~/pictures").place == str(tmp_path / "pictures")
