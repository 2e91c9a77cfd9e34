"""Which revision a database has, and whether this program knows it.

The revision of the ledger's database speaks for the whole home: a release that changes how objects lie in the store
adds a revision too, an empty one if need be. So one look at one table tells an older program to keep its hands off.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from deploy.stores.errors import NewerStore
from deploy.stores.sql.backups import Backup

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0006"
"""The newest revision in `migrations`, said here for whoever finds it: alembic takes 0.3 CPU-seconds to load."""


@dataclass(frozen=True, slots=True)
class Revisions:
    """What this program can make of a database: the revisions that it knows, and the newest of them."""

    known: frozenset[str]
    head: str


def migrations() -> Config:
    """Alembic's configuration: where the revisions are."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def read_known(config: Config) -> Revisions:
    """The revisions of this program."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_current_head()
    assert head is not None, "there is a first revision"
    return Revisions(frozenset(each.revision for each in scripts.walk_revisions()), head)


def read_revision(connection: Connection) -> str | None:
    """The revision that the tables have; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return str(found[0]) if found else None


def newer_store(where: str, found: str, known: Revisions, backups: list[Backup]) -> NewerStore:
    """What an older program says of a newer database, and the way back where there is one."""
    way_back = next((each for each in backups if each.revision in known.known), None)
    restore = (
        f"; or, with everything stopped, put {way_back.path} in its place and remove its -wal and -shm"
        if way_back is not None
        else ""
    )
    return NewerStore(
        f"database {where}: it has revision {found}, this program knows revisions up to {known.head}: use a release "
        f"of Latentloop at least as new as the one that wrote it{restore}"
    )
