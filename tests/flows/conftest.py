"""An installation in an empty folder, whose flows run in this process and tell the session's Prefect server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.tasks.season import settled


@pytest.fixture
def installation(tmp_path: Path, prefect_api: str) -> Iterator[None]:
    with settled(tmp_path, "http://127.0.0.1:9"), temporary_settings({PREFECT_API_URL: prefect_api}):
        yield
