"""The SQL database of ledger, release, digests and telemetry: SQLite on a laptop, PostgreSQL in production.

On SQLite a writing transaction begins IMMEDIATE: it takes the write lock before it reads, so what it read
still holds when it writes, and a second writer waits for `BUSY_TIMEOUT_S` at most instead of failing.
"""

import contextlib
import errno
import fcntl
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    Table,
    Text,
    cast,
    create_engine,
    event,
    func,
    literal,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from deploy.private_home import tighten
from deploy.stores.errors import StoreError, StoreFull, StoreRefused, StoreUnavailable
from deploy.stores.faults import register
from deploy.stores.sql.backups import Backup, back_up, backups_of
from deploy.stores.sql.database_errors import translated

MIGRATE = register("database.migrate", "the tables, brought to the newest revision in one transaction")

BUSY_TIMEOUT_S = 30
_log = logging.getLogger("latentloop.stores")
_MIGRATION_LOCK = 0x6C61746C  # an arbitrary advisory lock number ("latl"), the same in every process
_WRITING = {"latentloop_writing": True}


def open_engine(url: str) -> Engine:
    """Open `sqlite:////absolute/path.db` or `postgresql://user:password@host/name`."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError(f"database: the URL cannot be read; expected {_EXAMPLES}") from error
    if parsed.get_backend_name() == "postgresql":
        return _open_postgresql(parsed.set(drivername="postgresql+psycopg"))
    if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
        engine = create_engine(parsed.set(drivername="sqlite"), connect_args={"timeout": BUSY_TIMEOUT_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    raise StoreError(f"database {parsed.render_as_string()}: expected {_EXAMPLES}; correct the URL")


_EXAMPLES = "sqlite:////absolute/path.db or postgresql://user:password@host/name"


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent snapshot; vendor errors come out as StoreError."""
    with translated(engine), engine.begin() as connection:
        yield connection


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One writing transaction: committed at the end of the block, rolled back by any exception."""
    with translated(engine), engine.execution_options(**_WRITING).begin() as connection:
        yield connection


def insert_ignoring(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> bool:
    """Insert the rows whose unique key is not there yet; True where every row was written, as far as that is known."""
    return connection.execute(_insert_ignoring(connection, table), rows).rowcount == len(rows)


def insert_once(connection: Connection, table: Table, row: Mapping[str, object]) -> bool:
    """Insert the row unless its unique key is there; True when it was written."""
    # not rowcount: PostgreSQL's driver leaves it at -1 for an insert that returns its key
    returning = _insert_ignoring(connection, table).values(row).returning(*table.primary_key)
    return connection.execute(returning).first() is not None


def values_of(connection: Connection, values: Sequence[str]) -> Select[tuple[str]]:
    """Any number of texts as a table of one column; one parameter, because thousands take long to bind."""
    listed = json.dumps(list(values))
    if connection.dialect.name == "postgresql":
        return select(func.json_array_elements_text(cast(literal(listed, Text), postgresql.JSON)).column_valued())
    return select(func.json_each(listed).table_valued("value").c.value)


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest revision; any number of processes may call this at once.

    All or nothing, in one transaction. A SQLite database that has tables already is copied first, beside itself; of
    a PostgreSQL database no copy can be made from here. NewerStore where a newer Latentloop wrote it.
    """
    from deploy.stores.sql.revisions import NEWEST, migrations, newer_store, read_known, read_revision

    with MIGRATE, _sqlite_migration_lock(engine), writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        found = read_revision(connection)
        if found == NEWEST:
            return
        from alembic import command  # only the process that starts the house needs alembic

        config = migrations()
        known = read_known(config)
        if found is not None and found not in known.known:
            raise newer_store(_shown(engine), found, known, _backups(engine))
        if found is not None:
            _keep_the_old(engine, found, known.head)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _backups(engine: Engine) -> list[Backup]:
    return backups_of(Path(engine.url.database or "")) if engine.dialect.name == "sqlite" else []


def _keep_the_old(engine: Engine, found: str, head: str) -> None:
    """Copy the database while the write lock is held: nobody writes between the copy and the new tables."""
    if engine.dialect.name == "sqlite":
        kept = f"the old one is kept as {back_up(Path(engine.url.database or ''), found, datetime.now(UTC)).path}"
    else:
        kept = "of this server no copy was made: the way back is a dump of your own (pg_dump)"
    _log.warning("database %s: its tables go from revision %s to %s; %s", _shown(engine), found, head, kept)


def _shown(engine: Engine) -> str:
    if engine.dialect.name == "sqlite":
        return str(engine.url.database)
    return engine.url.render_as_string(hide_password=True)


def _insert_ignoring(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def _open_postgresql(url: Any) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise StoreError("database: psycopg is not installed; pip install 'latentloop[postgres]'") from error


def _prepare_sqlite(connection: Any, record: object) -> None:
    # the driver must not begin transactions by itself: it begins DEFERRED ones, and only at the first write
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")  # a committed release survives a power cut, in WAL mode too


def _begin_sqlite(connection: Connection) -> None:
    writes = "latentloop_writing" in connection.get_execution_options()
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED")


@contextlib.contextmanager
def _sqlite_migration_lock(engine: Engine) -> Iterator[None]:
    """Queue the first starters at a lock file: the change to WAL ignores the busy timeout."""
    if engine.dialect.name != "sqlite":
        yield
        return
    path = Path(engine.url.database or "")
    with _writable(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with _writable(path):
            _make_private_file(path)
        with translated(engine), engine.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            driver.execute("PRAGMA journal_mode = WAL")
        yield
    finally:
        os.close(handle)


def _make_private_file(path: Path) -> None:
    """The database's file, its owner's alone; SQLite gives `-wal` and `-shm` the modes that it has."""
    # never opened where it exists: closing it would drop the locks of this process's connections (POSIX)
    if not path.exists():
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT, 0o600))
    for each in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        tighten(each)
    if not os.access(path, os.W_OK):  # SQLite would open it, and say so at the first write
        raise StoreRefused(f"database {path}: the file cannot be written; check its owner, mode and volume")


@contextlib.contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = StoreFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else StoreUnavailable
        raise full(f"database {path}: its folder cannot be written ({error.strerror}); check it") from error
