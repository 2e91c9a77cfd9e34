from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.context import engine, forget
from tests.tasks.arrivals import write_config

Configure = Callable[[str], None]


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Settle this process in a fresh home, with more lines in its settings file."""

    def settle(more: str = "") -> None:
        forget()
        monkeypatch.setenv("LATENTLOOP_CONFIG", str(write_config(tmp_path, more)))
        monkeypatch.setenv("LATENTLOOP_HOME", str(tmp_path / "home"))

    settle()
    yield settle
    engine().dispose()
    forget()
