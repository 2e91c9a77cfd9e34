"""A home with refused images of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.stores.objects.captures import CapturedImage, CaptureStore
from tests.tasks.arrivals import damaged, ingest, intact, write_config
from tests.tasks.opened import forget, opened

HOSTILE = "<script>alert(1)</script>\u202e.png"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    forget()
    monkeypatch.setenv("LATENTLOOP_CONFIG", str(write_config(tmp_path)))
    monkeypatch.setenv("LATENTLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    contents = {"good": intact(0), HOSTILE: damaged("black"), "cut": damaged("truncated"), "twin": intact(0)}
    at = datetime(2026, 1, 1, tzinfo=UTC)
    CaptureStore(opened().objects).write_by_content(
        [CapturedImage(name, "s", at, data) for name, data in contents.items()]
    )
    ingest()
    yield tmp_path
    opened().engine.dispose()
    forget()
