"""Opening, migrating and translating, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, event, insert, select, text

from deploy.stores.errors import StoreCorrupt, StoreError, StoreFull, StoreUnavailable
from deploy.stores.sql import migrations
from deploy.stores.sql.database import migrate, open_engine, reading, writing
from deploy.stores.sql.schema import METADATA, beats
from deploy.stores.sql.telemetry import Telemetry
from tests.deploy.stores.racing import PROCESSES, Racers, kill_at
from tests.servers import free_ports


def test_the_migrations_lead_to_the_tables_that_the_code_uses(engine: Engine) -> None:
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(insert(beats).values(name="a", at_us=1))
    migrate(engine)
    with reading(engine) as connection:
        assert connection.execute(select(beats.c.at_us)).scalars().all() == [1]


def test_a_database_of_the_revision_before_gets_the_columns_of_codes_and_keeps_its_rows(database_url: str) -> None:
    engine = open_engine(database_url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    columns = "at_us, request_id, replica, route, version, recon_error, kl, mu, logvar, latency_ms"
    with writing(engine) as connection:
        insertion = text(
            f"INSERT INTO requests ({columns}) VALUES (1, 'r', 'one', '/v1/score', '3', .01, 15, :b, :b, 2)"
        )
        connection.execute(insertion, {"b": b"\x00\x3c" * 4})

    migrate(engine)

    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    window = Telemetry(engine).window(epoch, epoch + timedelta(seconds=1))
    assert window.own["kl"].tolist() == [15.0] and window.mu.tolist() == window.own["logvar"].tolist() == [[1.0] * 4]
    assert list(window.own) == ["logvar", "kl"]
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
    with reading(engine) as connection:
        assert connection.execute(text("SELECT kl FROM requests")).scalars().all() == [15.0]
    engine.dispose()


def _open_and_migrate(url: str) -> int:
    engine = open_engine(url)
    migrate(engine)
    with reading(engine) as connection:
        found = connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one()
    engine.dispose()
    return int(found)


def test_processes_that_start_at_once_migrate_once(database_url: str, racers: Racers) -> None:
    assert racers.race(_open_and_migrate, [(database_url,)] * PROCESSES) == [1] * PROCESSES


def test_a_migration_killed_at_its_start_is_done_by_the_next_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/ledger.db"
    code = f"""
        from deploy.stores.sql.database import migrate, open_engine
        migrate(open_engine({url!r}))
    """
    kill_at("database.migrate", "before", code)
    assert _open_and_migrate(url) == 1


def test_an_exception_rolls_a_writing_transaction_back(engine: Engine) -> None:
    with pytest.raises(RuntimeError), writing(engine) as connection:
        connection.execute(insert(beats).values(name="a", at_us=1))
        raise RuntimeError
    with reading(engine) as connection:
        assert connection.execute(select(beats)).all() == []


def _add_one(url: str, times: int) -> None:
    engine = open_engine(url)
    for _ in range(times):
        with writing(engine) as connection:
            # PostgreSQL needs the row lock that BEGIN IMMEDIATE gives SQLite for the whole file
            query = select(beats.c.at_us).where(beats.c.name == "count").with_for_update()
            seen = connection.execute(query).scalar_one()
            connection.execute(beats.update().where(beats.c.name == "count").values(at_us=seen + 1))
    engine.dispose()


def test_racing_read_modify_writes_lose_no_update(database_url: str, engine: Engine, racers: Racers) -> None:
    with writing(engine) as connection:
        connection.execute(insert(beats).values(name="count", at_us=0))
    assert racers.race(_add_one, [(database_url, 10)] * PROCESSES) == [None] * PROCESSES
    with reading(engine) as connection:
        assert connection.execute(select(beats.c.at_us)).scalar_one() == 10 * PROCESSES


def test_sqlite_runs_in_wal_mode_with_full_syncs_and_patience(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    migrate(engine)
    with reading(engine) as connection:
        found = [
            connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        ]
    engine.dispose()
    assert found == ["wal", 2, 30_000, 1]


def test_a_reader_is_not_stopped_by_an_open_writer(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    migrate(engine)
    with writing(engine) as writer:
        writer.execute(insert(beats).values(name="a", at_us=1))
        with reading(engine) as reader:
            assert reader.execute(select(beats)).all() == []
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


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="folder cannot be written"):
        migrate(open_engine(f"sqlite:///{tmp_path}/file/ledger.db"))


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://host/name"])
def test_an_unknown_url_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match=r"sqlite:////absolute/path\.db or postgresql://"):
        open_engine(url)
