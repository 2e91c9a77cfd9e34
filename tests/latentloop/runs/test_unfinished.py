"""What the status says of runs that are not over, on a home whose servers are all away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.settings import Settings
from deploy.shown_time import show_time
from deploy.stores.catalogue_rows import CatalogueRow
from deploy.stores.objects.local import LocalObjects
from deploy.stores.sql.database import migrate, open_engine
from deploy.stores.sql.ledger import CANCELLED_BY_HAND, Ledger
from deploy.wiring import open_catalogue
from latentloop.runs.unfinished import Run, read_runs
from tasks.run.progress import ProgressWriter
from tests.latentloop.front_door import environment, run_latentloop

NOW = datetime.now(UTC)
BEFORE, LATER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
LEASE_S = 20.0
BY_HAND = "by-hand-full-catalogue-3-abcdef01-1"


@pytest.fixture
def objects(home: Path) -> LocalObjects:
    return LocalObjects(home / "objects")


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    engine = open_engine(f"sqlite:///{home}/ledger.db")
    migrate(engine)
    yield Ledger(engine)
    engine.dispose()


def _claim(
    ledger: Ledger, key: str, kind: str = "retrain-full", at: datetime = BEFORE, lease_s: float = LEASE_S
) -> None:
    ledger.claim(key, kind, "", "host:1:a", at, lease_s)


def _see(ledger: Ledger, objects: LocalObjects) -> list[tuple[str, str, str, str]]:
    return [(each.key, each.standing, each.reason, each.goes_on) for each in read_runs(ledger, objects, NOW)]


def test_a_run_whose_owner_was_killed_is_interrupted_since_its_lease_ended(
    ledger: Ledger, objects: LocalObjects
) -> None:
    _claim(ledger, BY_HAND)
    (run,) = read_runs(ledger, objects, NOW)
    assert run == Run(
        key=BY_HAND,
        kind="retrain-full",
        standing="interrupted",
        since=BEFORE + timedelta(seconds=LEASE_S),
        attempt=1,
        owner="host:1:a",
        reason="",
        goes_on="`latentloop retrain --tier full` continues it",
        progress="",
    )


def test_a_run_that_lives_is_in_work_and_shows_where_it_stands(ledger: Ledger, objects: LocalObjects) -> None:
    _claim(ledger, BY_HAND, at=NOW)
    ProgressWriter(objects, BY_HAND).note("train", 0.25, "step 15 of 60")
    (run,) = read_runs(ledger, objects, NOW)
    assert (run.standing, run.since, run.goes_on, run.progress) == ("in work", NOW, "", "train 25% step 15 of 60")


def test_a_run_whose_key_no_object_store_takes_is_in_work_like_any_other(ledger: Ledger, objects: LocalObjects) -> None:
    _claim(ledger, "deliver-3-1-2026-11-29T12:41:16.878768+00:00-1", kind="deliver", at=NOW)
    (run,) = read_runs(ledger, objects, NOW)
    assert (run.standing, run.progress) == ("in work", "")


@pytest.mark.parametrize(
    ("key", "kind", "interrupted", "closed"),
    [
        (
            BY_HAND,
            "retrain-full",
            "`latentloop retrain --tier full` continues it",
            "`latentloop retrain --tier full` begins anew",
        ),
        (
            "schedule-retrain-incremental-2026-03-01T0200",
            "retrain-incremental",
            "the next slot of its schedule begins anew, `latentloop retrain --tier incremental` at once",
            "the next slot of its schedule begins anew, `latentloop retrain --tier incremental` at once",
        ),
        ("by-hand-monitor-1", "monitor", "`latentloop monitor` begins anew", "`latentloop monitor` begins anew"),
        (
            "by-hand-ingest-1",
            "ingest",
            "`latentloop ingest FOLDER` continues it",
            "`latentloop ingest FOLDER` begins anew",
        ),
        (
            "drift-emergency-1",
            "retrain-emergency",
            "the controller asks for it again",
            "the next drift, or trial, asks anew",
        ),
        (
            "suspicion-version-7-1",
            "monitor",
            "the controller asks for it again",
            "the next drift, or trial, asks anew",
        ),
    ],
)
def test_what_failed_says_why_and_how_it_goes_on(
    ledger: Ledger, objects: LocalObjects, key: str, kind: str, interrupted: str, closed: str
) -> None:
    _claim(ledger, key, kind)
    assert _see(ledger, objects) == [(key, "interrupted", "", interrupted)]
    ledger.release_claim(key, "host:1:a", NOW, "no room on the disk")
    command, continues, _ = interrupted.partition(" continues it")
    refused = f"once that is mended, {command}" if continues else interrupted
    assert _see(ledger, objects) == [(key, "failed", "no room on the disk", refused)]
    ledger.claim(key, kind, "", "host:2:b", NOW, LEASE_S)
    ledger.finish(key, "host:2:b", "failed", "the data was refused", NOW)
    assert _see(ledger, objects) == [(key, "failed", "the data was refused", closed)]


def test_what_a_person_cancelled_is_no_failure_and_is_forgotten_after_a_day(
    home: Path, ledger: Ledger, objects: LocalObjects, tmp_path: Path
) -> None:
    _claim(ledger, BY_HAND, at=NOW)
    ledger.release_claim(BY_HAND, "host:1:a", NOW, CANCELLED_BY_HAND)
    again = "`latentloop retrain --tier full` continues it"
    assert _see(ledger, objects) == [(BY_HAND, "cancelled", "cancelled by hand", again)]

    screen = run_latentloop("status", env=environment(home), folder=tmp_path)

    assert f"cancelled by hand since {show_time(NOW, None)}: {BY_HAND}; {again}" in screen.stdout
    assert "failed" not in screen.stdout
    assert read_runs(ledger, objects, NOW + timedelta(hours=25)) == ()
    ledger.claim(BY_HAND, "retrain-full", "", "host:2:b", NOW, LEASE_S)
    assert _see(ledger, objects) == [(BY_HAND, "in work", "", "")]


def test_what_ended_is_forgotten_once_a_later_one_of_its_kind_was_done(ledger: Ledger, objects: LocalObjects) -> None:
    _claim(ledger, "killed")
    _claim(ledger, "refused")
    ledger.finish("refused", "host:1:a", "failed", "the data was refused", BEFORE)
    _claim(ledger, "other", "monitor")
    _claim(ledger, "alive", at=NOW)
    _claim(ledger, "good", at=NOW)
    assert {each.key for each in read_runs(ledger, objects, NOW)} == {"killed", "refused", "other", "alive", "good"}
    ledger.finish("good", "host:1:a", "done", "7", NOW)
    assert {each.key for each in read_runs(ledger, objects, NOW)} == {"other", "alive"}


def test_the_status_never_shows_a_dead_or_failed_run_as_in_work(
    home: Path, ledger: Ledger, objects: LocalObjects, tmp_path: Path
) -> None:
    _claim(ledger, BY_HAND)
    _claim(ledger, "drift-emergency-1", "retrain-emergency")
    ledger.release_claim("drift-emergency-1", "host:1:a", BEFORE, "12 images of a new kind: expected 500")
    _claim(ledger, "by-hand-incremental-1", "retrain-incremental")
    ledger.finish("by-hand-incremental-1", "host:1:a", "failed", "run the full tier first", BEFORE)
    _claim(ledger, "by-hand-monitor-1", "monitor", at=datetime.now(UTC), lease_s=3_600)

    as_json = run_latentloop("status", "--json", env=environment(home), folder=tmp_path)
    screen = run_latentloop("status", env=environment(home), folder=tmp_path)

    standing = {each["key"]: each["standing"] for each in json.loads(as_json.stdout)["runs"]}
    assert standing == {
        BY_HAND: "interrupted",
        "drift-emergency-1": "failed",
        "by-hand-incremental-1": "failed",
        "by-hand-monitor-1": "in work",
    }
    lines = [line.strip() for line in screen.stdout.splitlines()]
    (in_work,) = [line for line in lines if line.startswith("in work")]
    assert in_work.endswith(": by-hand-monitor-1")
    died, failed = (show_time(at, None) for at in (BEFORE + timedelta(seconds=LEASE_S), BEFORE))
    assert f"interrupted since {died}: {BY_HAND}: no sign of life from host:1:a; " in screen.stdout
    assert f"failed since {failed}: drift-emergency-1: 12 images of a new kind: expected 500; " in screen.stdout
    assert f"failed since {failed}: by-hand-incremental-1: run the full tier first; " in screen.stdout


def test_what_comes_next_fits_what_is_there_and_what_is_in_work(home: Path, ledger: Ledger, tmp_path: Path) -> None:
    def begin() -> str:
        done = run_latentloop("status", env=environment(home), folder=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        (line,) = [each for each in done.stdout.splitlines() if "nothing was decided yet" in each]
        return line

    assert begin() == (
        "nothing was decided yet: `latentloop ingest FOLDER` brings images, then `latentloop retrain --tier full` "
        "makes a version that is trained on them"
    )
    rows = [
        CatalogueRow(f"d{row}", "camera", "a-segment", row, NOW, "x", 28, 28, 1, 0.3, 0.1, 2.5, bytes(784))
        for row in range(1_200)
    ]
    open_catalogue(Settings(home=home)).append_accepted(rows, ["a-segment"])
    assert begin() == (
        "nothing was decided yet: 1,200 images are in the catalogue, `latentloop retrain --tier full` makes a version "
        "of them"
    )
    _claim(ledger, BY_HAND, at=datetime.now(UTC), lease_s=3_600)
    assert begin() == "nothing was decided yet: a version is being made"


def test_images_are_counted_without_reading_any(home: Path) -> None:
    catalogue = open_catalogue(Settings(home=home))
    row = CatalogueRow("d", "camera", "a-segment", 0, NOW, "x", 28, 28, 1, 0.3, 0.1, 2.5, bytes(784))
    catalogue.append_accepted([row], ["a-segment"])
    for file in (home / "objects").rglob("*.parquet"):
        file.unlink()
    assert catalogue.count_accepted() == 1
