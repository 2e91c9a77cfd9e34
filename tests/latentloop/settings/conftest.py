"""A settings file that says something of everything."""

from __future__ import annotations

from pathlib import Path

import pytest

FILE = """
product = "shop"
database_url = "postgresql://us:hush-1@host/db"
[s3]
secret_key = "hush-2"
[training.full.budget]
amount = 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "latentloop.toml"
    path.write_text(FILE)
    return path
