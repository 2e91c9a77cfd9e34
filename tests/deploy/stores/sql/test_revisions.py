"""Older and newer databases: copied before they change, unchanged when it fails, refused when they are too new."""

from __future__ import annotations

import contextlib
import logging
import re
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, text

from deploy.stores.errors import NewerStore, StoreError
from deploy.stores.sql.backups import KEPT, back_up, backups_of
from deploy.stores.sql.database import migrate, open_engine, reading, writing
from deploy.stores.sql.revisions import NEWEST, migrations, read_known, read_revision
from tests.deploy.stores.racing import kill_at, run_program
from tests.servers import PostgreSQL

HEAD = read_known(migrations()).head
AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def database_of_before(url: str, revision: str = "0002") -> Engine:
    """A database as an older release left it, with a beat in it."""
    engine, config = open_engine(url), migrations()
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(text("INSERT INTO beats (name, at_us) VALUES ('controller', 7)"))
    return engine


def revision_of(engine: Engine) -> str | None:
    with reading(engine) as connection:
        return read_revision(connection)


def beats_in(path: Path) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name, at_us FROM beats").fetchall()


def test_the_newest_revision_is_the_one_that_whoever_finds_it_leaves_alone() -> None:
    assert NEWEST == HEAD


def test_an_older_sqlite_database_is_copied_beside_itself_before_its_tables_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = database_of_before(f"sqlite:///{tmp_path}/ledger.db")
    with caplog.at_level(logging.WARNING, "latentloop.stores"):
        migrate(engine)
    (copy,) = backups_of(tmp_path / "ledger.db")
    assert revision_of(engine) == HEAD and copy.revision == "0002"
    assert beats_in(copy.path) == [("controller", 7)]
    assert stat.S_IMODE(copy.path.stat().st_mode) == 0o600
    assert caplog.messages == [
        f"database {tmp_path}/ledger.db: its tables go from revision 0002 to {HEAD}; the old one is kept as {copy.path}"
    ]
    engine.dispose()


def test_the_copy_put_in_its_place_opens_and_is_migrated_again(tmp_path: Path) -> None:
    database_of_before(f"sqlite:///{tmp_path}/ledger.db").dispose()
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    migrate(engine)
    engine.dispose()
    (copy,) = backups_of(tmp_path / "ledger.db")
    copy.path.rename(tmp_path / "ledger.db")
    again = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    assert revision_of(again) == "0002"
    migrate(again)
    assert revision_of(again) == HEAD and beats_in(tmp_path / "ledger.db") == [("controller", 7)]
    again.dispose()


def test_a_new_database_and_one_of_today_are_not_copied(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    for _ in range(2):
        migrate(engine)
    engine.dispose()
    assert backups_of(tmp_path / "ledger.db") == []


def test_the_newest_copies_are_kept(tmp_path: Path) -> None:
    database_of_before(f"sqlite:///{tmp_path}/ledger.db").dispose()
    made = [back_up(tmp_path / "ledger.db", "0002", AT + timedelta(days=day)) for day in range(KEPT + 2)]
    assert backups_of(tmp_path / "ledger.db") == made[-KEPT:][::-1]
    assert {each.name for each in tmp_path.glob("*backup*")} == {each.path.name for each in made[-KEPT:]}


def test_a_copy_that_has_no_room_leaves_the_old_database_as_it_was(cramped: tuple[Path, str]) -> None:
    folder, limit = cramped
    engine = database_of_before(f"sqlite:///{folder}/ledger.db")
    engine.dispose()
    if not limit:
        _fill(folder / "filler")
    code = f"{limit}\nfrom tests.deploy.stores.sql.test_revisions import _migrate\n_migrate('{folder}/ledger.db')"
    done = run_program(code)
    assert re.search(r"^(StoreFull .*no space for the copy|StoreUnavailable .*its copy could not be made)", done.stdout)
    assert "nothing was changed" in done.stdout
    (folder / "filler").unlink(missing_ok=True)
    assert revision_of(engine) == "0002" and list(folder.glob("*backup*")) == []
    engine.dispose()


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(1024))
        file.truncate(file.tell() - 65_536)  # enough to look into the database, not to copy it


def _migrate(path: str) -> None:
    try:
        migrate(open_engine(f"sqlite:///{path}"))
    except StoreError as error:
        print(type(error).__name__, error)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_migration_killed_at_its_copy_is_done_by_the_next_process(tmp_path: Path, moment: str) -> None:
    engine = database_of_before(f"sqlite:///{tmp_path}/ledger.db")
    engine.dispose()
    code = f"from deploy.stores.sql.database import migrate, open_engine; migrate(open_engine({str(engine.url)!r}))"
    kill_at("database.backup", moment, code)
    assert revision_of(engine) == "0002" and beats_in(tmp_path / "ledger.db") == [("controller", 7)]
    migrate(engine)
    engine.dispose()
    assert revision_of(engine) == HEAD
    assert {beats_in(each.path)[0] for each in backups_of(tmp_path / "ledger.db")} == {("controller", 7)}
    assert not list(tmp_path.glob("*partial*"))
    engine.dispose()


def test_a_migration_that_fails_half_way_leaves_the_tables_of_before(database_url: str) -> None:
    engine = database_of_before(database_url)
    with writing(engine) as connection:
        # 0003 adds code_distance, then codes: the second fails
        connection.execute(text("ALTER TABLE requests ADD COLUMN codes INTEGER"))
    with pytest.raises(StoreError, match="codes"):
        migrate(engine)
    assert revision_of(engine) == "0002"
    with pytest.raises(StoreError, match="code_distance"), reading(engine) as connection:
        connection.execute(text("SELECT code_distance FROM requests"))
    with writing(engine) as connection:
        connection.execute(text("UPDATE beats SET at_us = 8"))
        assert connection.execute(text("SELECT at_us FROM beats")).scalars().all() == [8]
    engine.dispose()


@pytest.mark.server
def test_of_a_postgresql_database_the_log_says_that_no_copy_was_made(
    postgresql_server: PostgreSQL, caplog: pytest.LogCaptureFixture
) -> None:
    engine = database_of_before(postgresql_server.create_namespace())
    with caplog.at_level(logging.WARNING, "latentloop.stores"):
        migrate(engine)
    (said,) = caplog.messages
    assert f"from revision 0002 to {HEAD}; of this server no copy was made" in said and "pg_dump" in said
    engine.dispose()


def test_a_newer_database_is_refused_in_one_line_that_names_both_revisions(database_url: str) -> None:
    engine = open_engine(database_url)
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerStore) as refused:
        migrate(engine)
    said = str(refused.value)
    assert f"it has revision 9999, this program knows revisions up to {HEAD}" in said and "\n" not in said
    assert said.endswith("use a release of Latentloop at least as new as the one that wrote it")
    assert revision_of(engine) == "9999"
    engine.dispose()


def test_a_refused_newer_database_names_the_newest_copy_that_this_program_can_read(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    engine = database_of_before(f"sqlite:///{path}")
    older, fitting, too_new = (
        back_up(path, revision, AT + timedelta(days=day)) for day, revision in enumerate(("0001", "0002", "9998"))
    )
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerStore) as refused:
        migrate(engine)
    assert f"put {fitting.path} in its place and remove its -wal and -shm" in str(refused.value)
    assert str(older.path) not in str(refused.value) and str(too_new.path) not in str(refused.value)
    engine.dispose()
