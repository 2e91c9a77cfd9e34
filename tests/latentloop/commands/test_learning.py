"""The commands that bring images in and train, in real processes: exit codes for scripts, one line for a person."""

from __future__ import annotations

import json
from pathlib import Path

from tests.latentloop.front_door import environment, make_ledger, run_latentloop
from tests.latentloop.refusing import assert_refused


def test_an_ingest_that_took_in_nothing_of_a_folder_says_so_by_its_exit_code(home: Path, tmp_path: Path) -> None:
    make_ledger(home)
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "huge.png").write_bytes(bytes(2_000))
    nowhere = "http://127.0.0.1:9"  # files that are refused by their size need no server
    urls = {"prefect_url": f"{nowhere}/api", "mlflow_url": nowhere, "service_url": nowhere}
    env = environment(home, input_policy__max_bytes="1000", **urls)

    words = run_latentloop("ingest", "inbox", env=env, folder=tmp_path)
    as_json = run_latentloop("ingest", "inbox", "--json", env=env, folder=tmp_path)
    usage = run_latentloop("ingest", "--help", env=env, folder=tmp_path)

    assert (words.returncode, as_json.returncode) == (3, 3), words.stderr + as_json.stderr
    assert words.stdout.splitlines() == [
        "0 taken in, 1 refused, 0 ignored, of 1 received",
        "refused: too_many_bytes 1",
        "too large to be read (too_many_bytes): huge.png (2,000 bytes)",
        "look at them: `latentloop quarantine list` shows each with its reason and the remedy",
        "more than half of what could be an image is not in the catalogue: exit code 3",
    ]
    found = json.loads(as_json.stdout)
    assert (found["received"], found["refused"], found["ignored"]) == (1, 1, 0)
    assert "Exit code 3" in usage.stdout


def test_a_folder_without_images_is_refused_in_one_line(home: Path, tmp_path: Path) -> None:
    make_ledger(home)
    (tmp_path / "empty").mkdir()
    nowhere = "http://127.0.0.1:9"
    env = environment(home, prefect_url=f"{nowhere}/api", mlflow_url=nowhere, service_url=nowhere)

    done = run_latentloop("ingest", "empty", env=env, folder=tmp_path)

    assert_refused(done, f"{tmp_path}/empty: looked for pictures in it and in all folders below, found no file")


def test_an_unknown_tier_is_refused_with_the_known_ones(home: Path, tmp_path: Path) -> None:
    done = run_latentloop("retrain", "--tier", "huge", env=environment(home), folder=tmp_path)

    assert done.returncode == 2
    assert "'huge'" in done.stderr
    for tier in ("full", "incremental", "emergency"):
        assert tier in done.stderr
    assert "Traceback" not in done.stderr
