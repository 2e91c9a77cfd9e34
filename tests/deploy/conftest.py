"""Settings are read in an empty folder, with nothing said in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.settled import empty_the_environment


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file of the working directory, found without being named; nothing else says a setting."""
    empty_the_environment(tmp_path, monkeypatch)
    return tmp_path / "latentloop.toml"
