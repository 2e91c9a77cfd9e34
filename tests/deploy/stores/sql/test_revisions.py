"""Older and newer databases: brought to today with a word in the log, refused when they are too new."""

from __future__ import annotations

import logging
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from deploy.stores.errors import NewerStore
from deploy.stores.sql.backups import back_up, backups_of
from deploy.stores.sql.database import migrate, open_engine, writing
from deploy.stores.sql.revisions import NEWEST
from tests.deploy.stores.sql.of_before import HEAD, beats_in, database_of_before, revision_of
from tests.servers import PostgreSQL

AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


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
