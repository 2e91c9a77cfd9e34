"""A SQLite database with all tables: migrated once a session, and copied for whoever needs one of his own."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from deploy.stores.sql.database import migrate, open_engine


def open_migrated(path: Path) -> Engine:
    """Make the file as `migrate` does, and open it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(0o600)
    path.write_bytes(_migrated())
    return open_engine(f"sqlite:///{path}")


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "any.db")
        engine = open_engine(f"sqlite:///{path}")
        migrate(engine)
        engine.dispose()
        assert not Path(f"{path}-wal").exists()
        return path.read_bytes()
