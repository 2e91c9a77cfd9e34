"""An installation of this test alone, and a folder of pictures to come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tasks.arrivals import write_config
from tests.tasks.opened import forget, opened


@pytest.fixture
def settle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The stores of these settings, opened anew."""
    forget()
    monkeypatch.setenv("LATENTLOOP_CONFIG", str(write_config(tmp_path, "max_bytes = 100_000\n")))
    monkeypatch.setenv("LATENTLOOP_HOME", str(tmp_path / "home"))
    yield
    opened().engine.dispose()
    forget()


@pytest.fixture
def inbox(settle: None, tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder
