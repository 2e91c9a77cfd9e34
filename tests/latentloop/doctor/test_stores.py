"""Database and object store: reachable, of the right kind, and nothing is made by looking."""

from __future__ import annotations

import os
from pathlib import Path

from deploy.settings import Settings, load_settings
from deploy.wiring import open_objects
from latentloop.doctor.finding import Health
from latentloop.doctor.place import examine_place
from latentloop.doctor.stores import examine_stores
from tests.latentloop.doctor.told import free_port, told
from tests.latentloop.front_door import make_ledger


def test_looking_makes_nothing(settings: Settings, tmp_path: Path) -> None:
    before = sorted(os.listdir(tmp_path))

    found = [*examine_place(settings), *examine_stores(settings)]

    assert sorted(os.listdir(tmp_path)) == before
    assert [each.health for each in found if each.name in ("home", "database", "object store")] == [Health.ok] * 3


def test_an_installed_database_and_object_store_are_asked(settings: Settings) -> None:
    settings.home.mkdir()
    make_ledger(settings.home)
    open_objects(settings)

    found = list(examine_stores(settings))

    assert told(iter(found), "database")[1].endswith("answers, its tables are those of this Latentloop")
    assert told(iter(found), "object store")[1].endswith("takes conditional writes")
    assert open_objects(settings).keys("") == []


def test_a_database_of_a_newer_release_is_wrong(settings: Settings) -> None:
    import sqlite3

    settings.home.mkdir()
    make_ledger(settings.home)
    with sqlite3.connect(settings.home / "ledger.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'r9999'")
    connection.close()

    health, line = told(examine_stores(settings), "database")

    assert health is Health.wrong
    assert "revision r9999" in line


def test_a_database_that_does_not_answer_is_wrong_and_its_password_is_not_shown(
    tmp_path: Path, settings: Settings
) -> None:
    away = load_settings(home=tmp_path / "home", database_url=f"postgresql://me:hush@127.0.0.1:{free_port()}/x")

    health, line = told(examine_stores(away), "database")

    assert health is Health.wrong
    assert "hush" not in line
    assert "\n" not in line
