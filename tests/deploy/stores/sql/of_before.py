"""Databases as older releases left them, and what is in them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from sqlalchemy import Engine, text

from deploy.stores.sql.database import open_engine, reading, writing
from deploy.stores.sql.revisions import migrations, read_known, read_revision

HEAD = read_known(migrations()).head


def upgrade_to(engine: Engine, revision: str) -> None:
    """Bring the tables up to a revision."""
    config = migrations()
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def downgrade_to(engine: Engine, revision: str) -> None:
    """Take the tables back to a revision; `base` is before the first."""
    config = migrations()
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def database_of_before(url: str, revision: str = "0002") -> Engine:
    """A database as an older release left it, with a beat in it."""
    engine = open_engine(url)
    upgrade_to(engine, revision)
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO beats (name, at_us) VALUES ('controller', 7)"))
    return engine


def revision_of(engine: Engine) -> str | None:
    with reading(engine) as connection:
        return read_revision(connection)


def beats_in(path: Path) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name, at_us FROM beats").fetchall()
