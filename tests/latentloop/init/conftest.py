"""A folder to write settings into, with nothing set around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.settled import empty_the_environment


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    empty_the_environment(folder, monkeypatch)
    return folder
