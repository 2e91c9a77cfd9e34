"""Settings of a home that nobody has made yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.settings import Settings, load_settings
from tests.deploy.settled import empty_the_environment


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    empty_the_environment(tmp_path, monkeypatch)
    return load_settings(home=tmp_path / "home")
