"""Rollback and status as people run them, on a home whose servers are all away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from deploy.controller.trials import find_standing, record_beginning
from deploy.record.history import read_fates
from deploy.release import ServedVersion
from deploy.stores.objects.local import LocalObjects
from deploy.stores.objects.release_file import RELEASE_KEY, generate_keys, load_public_key, verify_release
from deploy.stores.sql.database import migrate, open_engine
from deploy.stores.sql.ledger import Ledger
from deploy.stores.sql.pairs import Pairs
from deploy.stores.sql.release import ReleaseStore
from tests.deploy.controller.world import swap, write_pairs
from tests.latentloop.front_door import environment, run_latentloop

SIX, SEVEN, EIGHT = (ServedVersion(version=name, digest=f"d{name}", artifact=f"artifacts/d{name}") for name in "678")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def engine(home: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{home}/ledger.db")
    migrate(engine)
    generate_keys(home / "secrets")
    yield engine
    engine.dispose()


def test_a_rollback_by_hand_needs_no_server(home: Path, engine: Engine, tmp_path: Path) -> None:
    env = environment(home)
    releases = ReleaseStore(engine)
    swap(releases, champion=SIX)
    swap(releases, champion=SEVEN, previous=SIX)

    done = run_latentloop("rollback", "--reason", "complaints", env=env, folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("version 7 rolled back (by hand, ")
    assert done.stdout.endswith("): complaints; version 6 serves (release 3)\n")
    release = releases.read()
    assert (release.champion, release.previous) == (SIX, None)
    key = load_public_key(home / "secrets" / "release-public.pem")
    assert verify_release(LocalObjects(home / "objects").get(RELEASE_KEY).data, key) == release
    (entry,) = Ledger(engine).entries("rollback", "7")
    assert json.loads(entry.body)["reason"] == "complaints"

    again = run_latentloop("rollback", env=env, folder=tmp_path)

    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == (
        "latentloop: nothing to roll back: version 6 serves and no previous version is kept; approve another version. "
        "One that is only tried in the shadow is taken back by its tag `approval` = rejected\n"
    )
    assert releases.read() == release


def test_a_canary_goes_first_and_scripts_read_it_as_json(home: Path, engine: Engine, tmp_path: Path) -> None:
    swap(ReleaseStore(engine), champion=SEVEN, previous=SIX, canary=EIGHT, canary_share=0.05)

    done = run_latentloop("rollback", "--json", env=environment(home), folder=tmp_path)

    found = json.loads(done.stdout)
    assert (found["version"], found["serves"], found["epoch"], found["published"]) == ("8", "7", 2, True)
    assert found["reason"].endswith("no reason was given")


def test_the_status_shows_the_running_verdict_with_its_bounds(home: Path, engine: Engine, tmp_path: Path) -> None:
    releases, ledger = ReleaseStore(engine), Ledger(engine)
    swap(releases, champion=SEVEN)
    record_beginning(ledger, swap(releases, shadow=EIGHT), EIGHT, datetime.now(UTC))
    standing = find_standing(releases.read(), read_fates(ledger), ledger)
    assert standing is not None
    telemetry = open_engine(f"sqlite:///{home}/telemetry.db")
    migrate(telemetry)
    write_pairs(Pairs(telemetry), standing, 1.3)
    telemetry.dispose()

    as_json = run_latentloop("status", "--json", env=environment(home), folder=tmp_path)
    screen = run_latentloop("status", env=environment(home), folder=tmp_path)

    trial = json.loads(as_json.stdout)["trial"]
    assert (trial["stage"], trial["version"], trial["against"], trial["phase"]) == ("shadow", "8", "7", "failed")
    change = next(each for each in trial["evidence"] if each["name"] == "recon_error_change")
    assert 0.02 < change["low"] < change["value"] < change["high"]
    assert "version 8 in the shadow since" in screen.stdout
    assert "s, against version 7: failed" in screen.stdout
    assert "recon_error_change 0.30" in screen.stdout


def test_the_status_shows_the_watch_period(home: Path, engine: Engine, tmp_path: Path) -> None:
    releases = ReleaseStore(engine)
    swap(releases, champion=SIX)
    swap(releases, champion=SEVEN, previous=SIX)

    screen = run_latentloop("status", env=environment(home), folder=tmp_path)

    assert "version 7 watched after its promotion since" in screen.stdout
    assert "s, against version 6: no_data" in screen.stdout


def test_the_status_shows_alarms_and_a_retraining_that_waits_for_images(
    home: Path, engine: Engine, tmp_path: Path
) -> None:
    ledger, at = Ledger(engine), datetime.now(UTC)
    swap(ReleaseStore(engine), champion=SEVEN)
    alarm = {"schema_version": 1, "phase": "failed", "reason": "latent_code 0.4 > limit 0.25", "evidence": []}
    ledger.record("alarm", "7", json.dumps(alarm), at, key="suspicion-version-7-1")
    drift = {
        "key": "drift-emergency-1", "champion": "7", "action": "emergency", "reason": "a new kind",
        "new_share_low": 0.1, "needed_images": 50, "window_since": (at - timedelta(seconds=1)).isoformat(),
        "at": at.isoformat(),
    }  # fmt: skip
    ledger.record("drift", "7", json.dumps(drift), at, key="drift:1")

    as_json = run_latentloop("status", "--json", env=environment(home), folder=tmp_path)
    screen = run_latentloop("status", env=environment(home), folder=tmp_path)

    found = json.loads(as_json.stdout)
    assert found["waiting"] == [{"key": "drift-emergency-1", "action": "emergency", "captured": 0, "needed": 50}]
    assert [each["text"] for each in found["drift"]] == ["latent_code 0.4 > limit 0.25", "emergency: a new kind"]
    assert "emergency for drift waits: about 0 of 50 images (drift-emergency-1)" in screen.stdout
    assert "latent_code 0.4 > limit 0.25" in screen.stdout
