"""Copies of a SQLite database, made beside it before its tables change: `ledger.db.backup-0003-20261129T101500Z`.

The revision in the name is the copy's own, so that nobody has to open it to know which program can read it.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deploy.stores.errors import StoreError, StoreFull, StoreUnavailable
from deploy.stores.faults import register

BACKUP = register("database.backup", "a copy of a SQLite database, before its tables change")

KEPT = 3
"""Copies of one database: a release that goes wrong is noticed before three more have come."""

_NAME = re.compile(r"\.backup-(?P<revision>[0-9A-Za-z]+)-(?P<at>\d{8}T\d{6}Z)")


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy, the revision of its tables, and when it was made (as its name says it, UTC)."""

    path: Path
    revision: str
    at: str


def backups_of(database: Path) -> list[Backup]:
    """The copies beside a database, newest first."""
    found = [
        Backup(path, match["revision"], match["at"])
        for path in database.parent.glob(f"{database.name}.backup-*")
        if (match := _NAME.fullmatch(path.name.removeprefix(database.name)))
    ]
    return sorted(found, key=lambda each: each.at, reverse=True)


def back_up(database: Path, revision: str, at: datetime) -> Backup:
    """Copy what is committed, whole or not at all, readable by its owner alone; the oldest copies go.

    StoreFull or StoreUnavailable in one line; then nothing was changed.
    """
    made = Backup(
        database.with_name(f"{database.name}.backup-{revision}-{at:%Y%m%dT%H%M%SZ}"), revision, f"{at:%Y%m%dT%H%M%SZ}"
    )
    partial = database.with_name(f"{database.name}.backup-partial")
    try:
        with BACKUP:
            _copy(database, partial)
            os.replace(partial, made.path)
            for old in backups_of(database)[KEPT:]:
                old.path.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise _translate(database, error) from error
    return made


def _copy(database: Path, target: Path) -> None:
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
        os.fsync(handle)
    finally:
        os.close(handle)


def _translate(database: Path, error: OSError | sqlite3.Error) -> StoreError:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
        size = database.stat().st_size / 1e6
        return StoreFull(
            f"database {database}: no space for the copy ({size:,.0f} MB) that is made before its tables change; "
            "nothing was changed, free some"
        )
    return StoreUnavailable(f"database {database}: its copy could not be made ({error}); nothing was changed")
