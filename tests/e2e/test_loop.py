"""The loop as a person lives it: one real installation, from a folder of files to an answering service."""

from __future__ import annotations

import json

import httpx
import pytest

from data_checks.drift.policy import DriftPolicy
from deploy.configuration.digest import SHORT, digest_values, settings_digest
from deploy.configuration.in_force import read_settings_in_force
from deploy.stores.objects.artifacts import artifact_prefix, fetch_artifact
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import open_catalogue, open_database, open_objects, open_registry
from latentloop.demo.damage import encode_png
from latentloop.demo.shipment import Shipment
from tests.e2e.conftest import COOLDOWN_S, IMAGES, SOURCES, Loop
from tests.e2e.run_logs import read_run_logs
from tests.latentloop.front_door import run_latentloop
from tests.latentloop.products import product_images
from vae_core.weights import encoder_digest

pytestmark = pytest.mark.server


def test_a_variable_that_decides_reaches_every_process_and_shows_in_the_digest(
    loop: Loop, counts: dict[str, object]
) -> None:
    digest, ledger = settings_digest(loop.settings), Ledger(open_database(loop.settings))
    in_force, beat = read_settings_in_force(ledger), ledger.last_beat("controller")
    lines = [line for line in read_run_logs(loop.settings) if line.startswith("settings ")]

    assert in_force is not None
    assert (in_force.digest, in_force.values["drift.cooldown_s"]) == (digest, COOLDOWN_S)
    assert digest_values({**in_force.values, "drift.cooldown_s": DriftPolicy().cooldown_s}) != digest
    assert httpx.get(f"{loop.settings.service_url}/readyz", timeout=60).json()["settings_digest"] == digest
    assert beat is not None
    assert beat.settings_digest == digest
    assert lines
    assert {line.split()[1] for line in lines} == {digest[:SHORT]}


def test_each_file_of_the_folder_is_accepted_or_quarantined_and_exactly_the_damaged_ones_are_refused(
    loop: Loop, shipped: Shipment, counts: dict[str, object]
) -> None:
    damaged = shipped.damaged.total()

    assert damaged == IMAGES * 3 // 100
    assert (counts["received"], counts["accepted"], counts["quarantined"]) == (IMAGES, IMAGES - damaged, damaged)
    assert counts["reasons"] == {
        "truncated": 4, "not_an_image": 2, "empty_file": 2, "low_variance": 2, "wrong_shape": 2, "wrong_mode": 2,
        "too_many_pixels": 2, "duplicate": 2,
    }  # fmt: skip
    catalogue = open_catalogue(loop.settings)
    assert len(dict(catalogue.sources(catalogue.version()))) == SOURCES


def test_retraining_makes_a_version_that_waits_for_approval(loop: Loop, registered: dict[str, str]) -> None:
    version = open_registry(loop.settings).version(registered["version"])

    assert registered["approval"] == "pending"
    assert registered["benchmark"] == "passed", registered["reason"]
    assert version.tags["benchmark"] == "passed"
    assert version.tags["model_digest"] == registered["digest"]
    assert [each.version for each in open_registry(loop.settings).versions()] == [registered["version"]]


def test_retraining_the_same_catalogue_again_says_that_there_is_nothing_to_do(
    loop: Loop, registered: dict[str, str]
) -> None:
    again = run_latentloop("retrain", "--tier", "full", env=loop.env, folder=loop.folder)

    assert again.returncode == 1
    assert again.stderr.count("\n") == 1
    assert f"was trained on with this recipe already (version {registered['version']})" in again.stderr


def test_the_deployment_started_twice_for_one_key_ends_as_a_duplicate(loop: Loop, registered: dict[str, str]) -> None:
    key = open_registry(loop.settings).version(registered["version"]).tags["latentloop.trigger"]

    with loop.open_orchestrator() as orchestrator:
        run = orchestrator.create_run("retrain-full/retrain-full", {"key": key, "reason": "again"}, "a-second-start")
        state = orchestrator.wait(run.id, timeout_s=600, poll_s=0.2)

    assert (state.type, state.name) == ("COMPLETED", "Duplicate"), state
    assert key in state.message
    assert len(open_registry(loop.settings).versions()) == 1


def test_the_approved_version_serves_and_scores_an_image(loop: Loop, registered: dict[str, str], served: str) -> None:
    answer = loop.score(encode_png(product_images(1, seed=99)[0]))

    assert served == registered["version"]
    assert answer.status_code == 200, answer.text
    assert 0 < answer.json()["images"][0]["recon_error"] < 1


def test_the_status_shows_what_serves_and_who_decided(loop: Loop, registered: dict[str, str], served: str) -> None:
    status = json.loads(loop.run("status", "--json"))

    assert status["running"]
    assert {each["slot"]: each["version"] for each in status["slots"]} == {"champion": served}
    assert {each["digest"] for each in status["slots"]} == {registered["digest"]}
    assert (status["pending"], status["pending_unknown"]) == ([], "")
    assert {"registered", "approval", "release"} <= {each["kind"] for each in status["decisions"]}


def test_a_window_too_small_to_judge_is_said_so_and_its_report_is_kept(loop: Loop, served: str) -> None:
    found = json.loads(loop.run("monitor", "--json"))

    assert found["record"]["action"] == "cannot_judge"
    assert {each["phase"] for each in found["verdicts"].values()} <= {"no_data", "inconclusive"}
    snapshot = found["record"]["snapshot"]
    page = open_objects(loop.settings).get(f"snapshots/{snapshot}/report.html").data
    assert b"latent_code" in page
    (line,) = Ledger(open_database(loop.settings)).entries("drift")
    assert (line.subject, json.loads(line.body)["snapshot"]) == (served, snapshot)


def test_the_incremental_tier_keeps_the_encoder_of_the_champion(loop: Loop, served: str) -> None:
    made = json.loads(loop.run("retrain", "--tier", "incremental", "--json"))

    digests = {}
    for name, digest in (("champion", loop.digest_of(served)), ("candidate", made["digest"])):
        objects, folder = open_objects(loop.settings), loop.folder / name
        digests[name] = encoder_digest(fetch_artifact(objects, artifact_prefix(digest), digest, folder).model)
    assert digests["candidate"] == digests["champion"]
    tags = open_registry(loop.settings).version(made["version"]).tags
    assert (tags["tier"], tags["parent_version"]) == ("incremental", served)


def test_rolling_back_without_a_previous_version_is_one_line(loop: Loop, served: str) -> None:
    done = run_latentloop("rollback", "--reason", "looks odd", env=loop.env, folder=loop.folder)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no previous version is kept" in done.stderr


def test_a_home_that_is_up_is_not_started_twice(loop: Loop) -> None:
    second = run_latentloop("up", env=loop.env, folder=loop.folder)

    assert second.returncode == 1
    assert "is already up" in second.stderr
    assert "Traceback" not in second.stderr
