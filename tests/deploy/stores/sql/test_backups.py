"""A SQLite database is copied beside itself before its tables change: whole or not at all; the newest copies stay."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.stores.errors import StoreError
from deploy.stores.sql.backups import KEPT, back_up, backups_of
from deploy.stores.sql.database import migrate, open_engine
from tests.deploy.stores.racing import kill_at, run_program
from tests.deploy.stores.sql.of_before import HEAD, beats_in, database_of_before, revision_of

AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


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
    code = f"{limit}\nfrom tests.deploy.stores.sql.test_backups import _migrate\n_migrate('{folder}/ledger.db')"
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
