"""Opening, migrating and translating, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, text

from deploy.stores.errors import StoreError, StoreUnavailable
from deploy.stores.sql.database import migrate, open_engine, reading, writing
from deploy.stores.sql.schema import beats
from tests.deploy.stores.one_line import refusal_in_process
from tests.deploy.stores.racing import PROCESSES, Racers, kill_at


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(insert(beats).values(name="a", at_us=1))
    migrate(engine)
    with reading(engine) as connection:
        assert connection.execute(select(beats.c.at_us)).scalars().all() == [1]


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


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="folder cannot be written"):
        migrate(open_engine(f"sqlite:///{tmp_path}/file/ledger.db"))


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://host/name"])
def test_an_unknown_url_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match=r"sqlite:////absolute/path\.db or postgresql://"):
        open_engine(url)


def test_a_database_in_a_folder_without_the_right_to_write_is_one_line(tmp_path: Path, obeying: list[str]) -> None:
    url = f"sqlite:///{tmp_path}/folder/ledger.db"
    (tmp_path / "folder").mkdir(mode=0o500)
    code = f"from deploy.stores.sql.database import migrate, open_engine; migrate(open_engine({url!r}))"
    said = refusal_in_process(obeying, code)
    assert said.endswith(f"{tmp_path}/folder/ledger.db: its folder cannot be written (Permission denied); check it")


def test_a_database_file_without_the_right_to_write_is_one_line(tmp_path: Path, obeying: list[str]) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(engine := open_engine(url))
    engine.dispose()
    (tmp_path / "ledger.db").chmod(0o400)
    code = f"from deploy.stores.sql.database import migrate, open_engine; migrate(open_engine({url!r}))"
    said = refusal_in_process(obeying, code)
    assert (
        said
        == f"StoreRefused database {tmp_path}/ledger.db: the file cannot be written; check its owner, mode and volume"
    )


def test_postgresql_without_its_driver_names_what_to_install() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None; from deploy.stores.sql.database import open_engine; "
        "open_engine('postgresql://a@b/c')"
    )
    said = refusal_in_process([], code)
    assert said == "StoreError database: psycopg is not installed; pip install 'latentloop[postgres]'"
