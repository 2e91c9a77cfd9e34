"""What SQLite and PostgreSQL say when they say no: one line that names what to do, and never a password."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event, insert, select

from deploy.stores.errors import StoreCorrupt, StoreFull, StoreRefused, StoreUnavailable
from deploy.stores.sql.database import migrate, open_engine, reading, writing
from deploy.stores.sql.schema import beats
from tests.deploy.stores.one_line import refusal
from tests.servers import PostgreSQL, free_ports


@pytest.mark.server
def test_a_postgresql_user_without_the_right_to_create_tables_is_one_line(postgresql_server: PostgreSQL) -> None:
    url = postgresql_server.create_namespace()
    with psycopg.connect(
        f"postgresql://postgres@127.0.0.1:{postgresql_server.port}/postgres", autocommit=True
    ) as admin:
        admin.execute("DROP ROLE IF EXISTS reader")
        admin.execute("CREATE ROLE reader LOGIN")
        admin.execute(f"GRANT USAGE ON SCHEMA {url.rpartition('%3D')[2]} TO reader".encode())
    engine = open_engine(url.replace("postgres@", "reader@"))
    with pytest.raises(
        StoreRefused, match=r"no right to do this \(permission denied .* GRANT it USAGE and CREATE"
    ) as no:
        migrate(engine)
    refusal(no.value)
    engine.dispose()


@pytest.mark.server
@pytest.mark.parametrize(("user", "name"), [("nobody-here", "postgres"), ("postgres", "no-such-name")])
def test_a_user_or_a_name_that_postgresql_does_not_know_is_one_line(
    postgresql_server: PostgreSQL, user: str, name: str
) -> None:
    engine = open_engine(f"postgresql://{user}:top-secret@127.0.0.1:{postgresql_server.port}/{name}")
    with pytest.raises(StoreRefused, match=r"does not exist\); check user, password and name in the URL$") as refused:
        migrate(engine)
    assert "top-secret" not in refusal(refused.value)
    engine.dispose()


def test_missing_tables_ask_for_the_migration(database_url: str) -> None:
    engine = open_engine(database_url)
    with pytest.raises(StoreCorrupt, match="run the migration first"), reading(engine) as connection:
        connection.execute(select(beats))
    engine.dispose()


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    migrate(engine)
    engine.dispose()

    @event.listens_for(engine, "connect")
    def _cramp(connection: sqlite3.Connection, record: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # what SQLite answers when the disk is full

    with pytest.raises(StoreFull, match="no space left"), writing(engine) as connection:
        connection.execute(insert(beats).values(name="x" * 1_000_000, at_us=1))
    with reading(engine) as connection:
        assert connection.execute(select(beats)).all() == []
    engine.dispose()


def test_a_file_that_is_no_database_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database" * 1000)
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    with pytest.raises(StoreCorrupt, match="restore it from a backup"):
        migrate(engine)
    engine.dispose()


def test_a_server_that_is_away_is_unavailable_and_its_password_is_not_shown() -> None:
    engine = open_engine(f"postgresql://user:top-secret@127.0.0.1:{free_ports(1)[0]}/name")
    with pytest.raises(StoreUnavailable) as caught, reading(engine):
        pass
    assert "top-secret" not in str(caught.value)
