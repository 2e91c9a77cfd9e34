"""The loop as a person lives it: one real installation, from a folder of files to an answering service."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
import torch
import yaml

from deploy.settings import Settings, load_settings
from deploy.stores.artifacts import artifact_prefix, fetch_artifact
from deploy.stores.ledger import Ledger
from latentloop.demo import shipment
from latentloop.demo.approval import approve_as_the_ui_does
from latentloop.demo.damage import encode_png
from latentloop.demo.shipment import Shipment, write_shipment
from latentloop.installation import connect
from latentloop.up import PROJECT
from tests.latentloop.front_door import environment, run_latentloop
from tests.latentloop.products import product_images
from vae_core.artifact import make_golden, write_artifact
from vae_core.weights import encoder_digest

pytestmark = pytest.mark.server

IMAGES = 600
SOURCES = 12

SETTINGS = """\
product = "e2e"
clock_factor = 0.05

[input_policy]
min_variance = 0.003

[training.model]
widths = [8, 16]
latent_dim = 8

[training.full]
learning_rate = 1e-2
final_learning_rate = 3e-3

[training.full.budget]
amount = 60
unit = "steps"

[evaluation]
n_images = 200
n_samples = 200
holdout_min = 60

# sixty steps on a few hundred images make no good model: this story is about the way, not about the quality
[gate]
first_min_explained_variance = 0.01
first_min_active_units = 1
first_max_frechet_over_floor = 1000000.0
"""


@dataclass(frozen=True)
class Loop:
    """A running installation: what its commands are told, and its settings with all URLs."""

    folder: Path
    env: dict[str, str]
    settings: Settings

    def run(self, *arguments: str, timeout_s: float = 240) -> str:
        """Run a command that must succeed; returns its stdout."""
        done = run_latentloop(*arguments, env=self.env, folder=self.folder, timeout_s=timeout_s)
        assert done.returncode == 0, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    features = Settings().features_file
    if not features.is_file():
        pytest.fail(f"{features}: expected the converted feature network; run `make setup` first")
    folder = tmp_path_factory.mktemp("loop")
    home, config = folder / "home", folder / "latentloop.toml"
    config.write_text(SETTINGS)
    env = environment(home, config=str(config))
    up = run_latentloop("up", "--detach", env=env, folder=folder, timeout_s=280)
    try:
        assert up.returncode == 0, f"{up.stdout}\n{up.stderr}\n{_logs(home)}"
        assert len(_belonging_to(home)) >= 6, "four servers, two workers: whoever is sought at the end is found now"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LATENTLOOP_CONFIG", str(config))
            patch.setenv("LATENTLOOP_HOME", str(home))
            yield Loop(folder, env, connect(load_settings()))
    finally:
        down = run_latentloop("down", env=env, folder=folder)
    assert down.returncode == 0, down.stderr
    assert "is down" in down.stdout
    assert _await_nobody(home) == []


@pytest.fixture(scope="module")
def shipped(loop: Loop) -> Shipment:
    """Six hundred files of twelve suppliers, 3 % of them damaged, lying in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shipment, "SUPPLIERS", SOURCES)
        return write_shipment(product_images(IMAGES), loop.folder / "incoming", np.random.default_rng(1), print)


@pytest.fixture(scope="module")
def counts(loop: Loop, shipped: Shipment) -> dict[str, object]:
    """What `latentloop ingest` said of the folder."""
    found: dict[str, object] = json.loads(loop.run("ingest", str(loop.folder / "incoming"), "--json"))
    return found


@pytest.fixture(scope="module")
def registered(loop: Loop, counts: dict[str, object]) -> dict[str, str]:
    """What `latentloop retrain` said of the version that it made."""
    found: dict[str, str] = json.loads(loop.run("retrain", "--tier", "full", "--json"))
    # the tag as a person first sees it: approval, later in this story, changes it
    return {**found, "approval": loop.settings.open_registry().version(found["version"]).approval}


@pytest.fixture(scope="module")
def served(loop: Loop, registered: dict[str, str]) -> str:
    """The version that serves after a person approved it."""
    approve_as_the_ui_does(loop.settings, registered["version"])
    ready: dict[str, object] = {}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready = httpx.get(f"{loop.settings.service_url}/readyz", timeout=30).json()
        if "champion" in ready["slots"]:  # type: ignore[operator]
            return str(ready["slots"]["champion"]["version"])  # type: ignore[index]
        time.sleep(0.1)
    pytest.fail(f"expected version {registered['version']} to serve, came {ready}\n{_logs(loop.settings.home)}")


def test_everything_that_prefect_yaml_deploys_is_registered_in_its_pool(loop: Loop) -> None:
    declared = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
    expected = sorted((f"{each['name'].split('@')[0]}", each["work_pool"]["name"]) for each in declared)

    with loop.settings.open_orchestrator() as orchestrator:
        there = orchestrator.deployments()

    assert sorted((each.name.split("/")[1], each.work_pool) for each in there) == expected
    assert not any(each.paused for each in there)


def test_each_retraining_action_has_one_trigger(loop: Loop) -> None:
    found = httpx.post(f"{loop.settings.prefect_url}/automations/filter", json={}, timeout=30).json()

    expected = sorted(event for each in found if each["enabled"] for event in each["trigger"]["expect"])
    assert expected == [f"latentloop.drift.{action}" for action in ("emergency", "full", "incremental")]


def test_each_file_of_the_folder_is_accepted_or_quarantined_and_exactly_the_damaged_ones_are_refused(
    loop: Loop, shipped: Shipment, counts: dict[str, object]
) -> None:
    damaged = shipped.damaged.total()

    assert damaged == IMAGES * 3 // 100
    assert (counts["received"], counts["accepted"], counts["quarantined"]) == (IMAGES, IMAGES - damaged, damaged)
    assert counts["reasons"] == {
        "truncated": 2, "not_an_image": 2, "empty_file": 2, "low_variance": 2, "wrong_shape": 2, "wrong_mode": 4,
        "too_many_pixels": 2, "duplicate": 2,
    }  # fmt: skip
    catalogue = loop.settings.open_catalogue()
    assert len(dict(catalogue.sources(catalogue.version()))) == SOURCES


def test_retraining_makes_a_version_that_waits_for_approval(loop: Loop, registered: dict[str, str]) -> None:
    version = loop.settings.open_registry().version(registered["version"])

    assert registered["approval"] == "pending"
    assert registered["benchmark"] == "passed", registered["reason"]
    assert version.tags["benchmark"] == "passed"
    assert version.tags["model_digest"] == registered["digest"]
    assert [each.version for each in loop.settings.open_registry().versions()] == [registered["version"]]


def test_retraining_the_same_catalogue_again_says_that_there_is_nothing_to_do(
    loop: Loop, registered: dict[str, str]
) -> None:
    again = run_latentloop("retrain", "--tier", "full", env=loop.env, folder=loop.folder)

    assert again.returncode == 1
    assert again.stderr.count("\n") == 1
    assert f"was trained on with this recipe already (version {registered['version']})" in again.stderr


def test_the_deployment_started_twice_for_one_key_ends_as_a_duplicate(loop: Loop, registered: dict[str, str]) -> None:
    key = loop.settings.open_registry().version(registered["version"]).tags["latentloop.trigger"]

    with loop.settings.open_orchestrator() as orchestrator:
        run = orchestrator.create_run("retrain-full/retrain-full", {"key": key, "reason": "again"}, "a-second-start")
        state = orchestrator.wait(run.id, timeout_s=120, poll_s=0.2)

    assert (state.type, state.name) == ("COMPLETED", "Duplicate"), state
    assert key in state.message
    assert len(loop.settings.open_registry().versions()) == 1


def test_the_approved_version_serves_and_scores_an_image(loop: Loop, registered: dict[str, str], served: str) -> None:
    image = encode_png(product_images(1, seed=99)[0])

    answer = httpx.post(
        f"{loop.settings.service_url}/v1/score", content=image, headers={"Content-Type": "image/png"}, timeout=30
    )

    assert served == registered["version"]
    assert answer.status_code == 200, answer.text
    assert 0 < answer.json()["images"][0]["recon_error"] < 1


def test_the_status_shows_what_serves_and_who_decided(loop: Loop, registered: dict[str, str], served: str) -> None:
    status = json.loads(loop.run("status", "--json"))

    assert status["running"]
    assert {each["slot"]: each["version"] for each in status["slots"]} == {"champion": served}
    assert {each["digest"] for each in status["slots"]} == {registered["digest"]}
    assert (status["pending"], status["pending_unknown"]) == ([], "")
    assert {"gate", "approval", "release"} <= {each["kind"] for each in status["decisions"]}


def test_a_window_too_small_to_judge_is_said_so_and_its_report_is_kept(loop: Loop, served: str) -> None:
    found = json.loads(loop.run("monitor", "--json"))

    assert found["record"]["action"] == "cannot_judge"
    assert {each["phase"] for each in found["verdicts"].values()} <= {"no_data", "inconclusive"}
    snapshot = found["record"]["snapshot"]
    page = loop.settings.open_objects().get(f"snapshots/{snapshot}/report.html").data
    assert b"latent_code" in page
    (line,) = Ledger(loop.settings.open_database()).entries("drift")
    assert (line.subject, json.loads(line.body)["snapshot"]) == (served, snapshot)


def test_a_retraining_for_drift_without_a_stored_snapshot_is_refused(loop: Loop, served: str) -> None:
    parameters = {"key": "no-snapshot", "reason": "moved", "cause": "drift", "snapshot": "0000"}
    with loop.settings.open_orchestrator() as orchestrator:
        run = orchestrator.create_run("retrain-emergency/retrain-emergency", parameters, "no-snapshot")
        state = orchestrator.wait(run.id, timeout_s=120, poll_s=0.2)

    assert state.type == "FAILED"
    assert "snapshots/0000/snapshot.json" in state.message


def test_the_incremental_tier_keeps_the_encoder_of_the_champion(loop: Loop, served: str) -> None:
    made = json.loads(loop.run("retrain", "--tier", "incremental", "--json"))

    digests = {}
    for name, digest in (("champion", _digest_of(loop, served)), ("candidate", made["digest"])):
        objects, folder = loop.settings.open_objects(), loop.folder / name
        digests[name] = encoder_digest(fetch_artifact(objects, artifact_prefix(digest), digest, folder).model)
    assert digests["candidate"] == digests["champion"]
    tags = loop.settings.open_registry().version(made["version"]).tags
    assert (tags["tier"], tags["parent_version"]) == ("incremental", served)


def test_rolling_back_without_a_previous_version_is_one_line(loop: Loop, served: str) -> None:
    done = run_latentloop("rollback", "--reason", "looks odd", env=loop.env, folder=loop.folder)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no previous version is kept" in done.stderr


def test_the_service_answers_while_registry_and_orchestrator_are_dead_and_the_story_goes_on_after(
    loop: Loop, served: str
) -> None:
    made = json.loads(loop.run("register", str(_noised_copy(loop, served)), "--json"))
    killed = [each for each in ("mlflow server", "prefect server") if _kill(loop.settings.home, each)]
    assert killed == ["mlflow server", "prefect server"]

    image = encode_png(product_images(1, seed=98)[0])
    headers = {"Content-Type": "image/png"}
    answers = [
        httpx.post(f"{loop.settings.service_url}/v1/score", content=image, headers=headers, timeout=30).status_code
        for _ in range(20)
    ]
    assert answers == [200] * 20
    # the supervisor starts both again; then a person approves what no gate has seen
    _await(lambda: _answers(f"{loop.settings.mlflow_url}/health"), "MLflow again")
    approve_as_the_ui_does(loop.settings, made["version"])
    ledger = Ledger(loop.settings.open_database())
    _await(lambda: ledger.entries("approval-refused", made["version"]), "the refusal of the approval")
    (line,) = ledger.entries("approval-refused", made["version"])
    assert "no override is recorded" in json.loads(line.body)["reason"]
    _await(lambda: _answers(f"{loop.settings.prefect_url}/health"), "Prefect again")


def _noised_copy(loop: Loop, version: str) -> Path:
    """A version that loads and is bad, made elsewhere."""
    digest = _digest_of(loop, version)
    artifact = fetch_artifact(
        loop.settings.open_objects(), artifact_prefix(digest), digest, loop.folder / "to be noised"
    )
    with torch.no_grad():
        for weights in artifact.model.parameters():
            weights.add_(0.1 * torch.randn(weights.shape, generator=torch.Generator().manual_seed(1)))
    assert artifact.golden is not None
    folder = loop.folder / "noised"
    write_artifact(folder, replace(artifact, golden=make_golden(artifact.model, artifact.golden.pixels)))
    return folder


def _kill(home: Path, what: str) -> bool:
    """SIGKILL one of the installation's servers, as its command line names it."""
    words = what.split()
    for process in psutil.process_iter():
        try:
            told = process.cmdline()
            ours = any(str(home) in each for each in [*told, *process.environ().values()])
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if ours and told[1:4] == ["-m", *words]:
            process.kill()
            return True
    return False


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def _await(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 90
    while not true():
        assert time.monotonic() < deadline, f"expected {what} within 90 s"
        time.sleep(0.2)


def _digest_of(loop: Loop, version: str) -> str:
    return loop.settings.open_registry().version(version).tags["model_digest"]


def test_a_home_that_is_up_is_not_started_twice(loop: Loop) -> None:
    second = run_latentloop("up", env=loop.env, folder=loop.folder)

    assert second.returncode == 1
    assert "is already up" in second.stderr
    assert "Traceback" not in second.stderr


def _await_nobody(home: Path) -> list[str]:
    """Give the processes that still belong to the home once `down` returned; the kernel gets a moment to reap."""
    deadline = time.monotonic() + 5
    while (left := _belonging_to(home)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def _belonging_to(home: Path) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            told = [*process.cmdline(), *process.environ().values()]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if any(str(home) in each for each in told):
            found.append(f"{process.pid}: {' '.join(process.cmdline())[:200]}")
    return found


def _logs(home: Path) -> str:
    """Give the end of every log, for the message of a failure."""
    return "\n".join(
        f"== {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-8:])
        for log in sorted((home / "logs").glob("*.log"))
    )
