"""The home of the release before opens: what it holds is there, its databases are copied before they change."""

from __future__ import annotations

import os
import sqlite3
import tarfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from deploy.settings import VENDOR_ENVIRONMENT, Settings, load_settings
from deploy.stores.catalogue import CatalogueCounts
from deploy.stores.objects.artifacts import fetch_artifact
from deploy.stores.objects.captures import CaptureStore
from deploy.stores.objects.release_file import RELEASE_KEY, verify_release
from deploy.stores.sql.backups import backups_of
from deploy.stores.sql.database import writing
from deploy.stores.sql.ledger import Beat, Ledger
from deploy.stores.sql.release import ReleaseStore
from deploy.stores.sql.revisions import migrations, read_known
from deploy.wiring import open_catalogue, open_database, open_objects, open_pairs, open_telemetry, release_public_key
from tests.latentloop.front_door import environment, run_latentloop
from tests.tasks.arrivals import ingest
from tests.tasks.opened import forget, opened
from tests.upgrades.make_home import NOW

ARCHIVE = Path(__file__).with_name("home-0.1.0.tar.gz")
WRITTEN_AT = "0003"
DATABASES = ("ledger.db", "telemetry.db")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of somebody who ran 0.1.0: its settings file and its home, no variable set."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LATENTLOOP_")]:
        monkeypatch.delenv(name)
    for name, value in VENDOR_ENVIRONMENT.items():
        monkeypatch.setenv(name, os.environ.get(name, value))
    return tmp_path


@pytest.fixture
def settings(folder: Path) -> Settings:
    return load_settings()


def _revision(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found)


def test_the_settings_file_of_the_release_before_says_what_it_said(settings: Settings) -> None:
    assert (settings.product, settings.clock_factor) == ("shoes", 0.5)
    assert settings.input_policy.min_variance == 0.003
    assert settings.training.model.variant == "conv_vae" and settings.training.full.budget.amount == 3
    assert (settings.evaluation.n_images, settings.gate.recon_error_margin) == (1500, 0.03)
    assert (settings.delivery.canary_min_s, settings.drift.budget_days) == (300, 60)
    assert (settings.controller.reconcile_s, settings.serving.capture_segment_s) == (10, 2)


def test_its_databases_come_to_today_and_are_copied_before_they_change(settings: Settings, folder: Path) -> None:
    home, head = folder / ".latentloop", read_known(migrations()).head
    assert [_revision(home / name) for name in DATABASES] == [WRITTEN_AT] * 2

    open_database(settings).dispose()
    open_telemetry(settings)

    assert [_revision(home / name) for name in DATABASES] == [head] * 2
    # nothing changes, and nothing is copied, while today's revision is the one that it was written at
    copies = [] if head == WRITTEN_AT else [WRITTEN_AT]
    for name in DATABASES:
        assert [each.revision for each in backups_of(home / name)] == copies
        assert [_revision(each.path) for each in backups_of(home / name)] == copies


def test_its_ledger_its_release_and_its_telemetry_are_read(settings: Settings) -> None:
    engine = open_database(settings)
    ledger, release = Ledger(engine), ReleaseStore(engine).read()
    assert {each.key: each.state for each in ledger.triggers()} == {
        "full-1": "done", "emergency-1": "failed", "weekly-1": "running",
    }  # fmt: skip
    assert [each.kind for each in ledger.entries()] == ["release", "approval", "registered"]
    assert ledger.last_beat("controller") == Beat(NOW, None)
    assert (release.epoch, release.reason) == (1, "first version") and release.champion is not None
    window = open_telemetry(settings).window(NOW, NOW + timedelta(hours=1), version="1")
    assert len(window) == 10 and window.own["kl"].tolist() == [15.0] * 10 and window.mu.shape == (10, 4)
    of_codes = open_telemetry(settings).window(NOW, NOW + timedelta(hours=1), version="2")
    assert of_codes.own["codes"].shape == (10, 49) and of_codes.own["code_distance"].tolist() == [0.5] * 10
    assert open_pairs(settings).count(NOW, NOW + timedelta(hours=1), candidate="2", champion="1") == 20
    engine.dispose()


def test_its_objects_are_read_the_signed_release_the_champion_the_captures_and_the_catalogue(
    settings: Settings, tmp_path: Path
) -> None:
    objects, engine = open_objects(settings), open_database(settings)
    released = verify_release(objects.get(RELEASE_KEY).data, release_public_key(settings))
    assert released == ReleaseStore(engine).read() and released.champion is not None
    champion = fetch_artifact(objects, released.champion.artifact, released.champion.digest, tmp_path / "champion")
    assert champion.reference is not None and champion.model_config.variant == "conv_vae"
    captures = CaptureStore(objects)
    assert [len(captures.read(key)) for key in captures.segments()] == [1, 5]
    engine.dispose()


def test_its_catalogue_is_filled_from_its_captures_by_the_first_ingest_and_the_old_one_still_names_its_segments(
    settings: Settings,
) -> None:
    captures, old = CaptureStore(open_objects(settings)), open_catalogue(settings, "")
    assert old.read(["segment"])["segment"].to_pylist() == ["captures/requests/replica-a/000000000001.parquet"] * 4
    assert open_catalogue(settings).counts() == CatalogueCounts(accepted=0, quarantined=0, per_reason={})
    forget()

    assert ingest() == captures.segments()

    counts = open_catalogue(settings).counts()
    assert counts == CatalogueCounts(accepted=6, quarantined=0, per_reason={}), "its refusal is judged again as well"
    assert ingest() == []
    assert len(old.read(["segment"])) == 4, "nothing of it was changed"
    opened().engine.dispose()
    forget()


def test_status_of_the_old_home_shows_what_serves(folder: Path) -> None:
    env = environment(folder / "unused")
    del env["LATENTLOOP_HOME"]
    done = run_latentloop("status", env=env, folder=folder)
    assert done.returncode == 0, done.stderr
    assert "release 1 since" in done.stdout and "champion  version 1" in done.stdout


def test_an_older_program_refuses_a_newer_home_in_one_line(settings: Settings, folder: Path) -> None:
    engine = open_database(settings)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    env = environment(folder / "unused")
    del env["LATENTLOOP_HOME"]
    done = run_latentloop("status", env=env, folder=folder)
    (said,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert said.startswith(f"latentloop: database {folder}/.latentloop/ledger.db: it has revision 9999, this program")
    assert "use a release of Latentloop at least as new" in said
