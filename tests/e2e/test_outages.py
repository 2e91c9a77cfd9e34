"""A neighbour goes away in the middle of the story: requests are answered, and the story goes on after."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest
import torch
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import make_url

from deploy.stores.authorities import trusted
from deploy.stores.objects.artifacts import artifact_prefix, fetch_artifact
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import open_database, open_objects, open_telemetry
from latentloop.demo.approval import approve_as_the_ui_does
from latentloop.demo.damage import encode_png
from latentloop.supervisor.judging import Phase
from latentloop.supervisor.report import PartReport, read_children
from tests.e2e.conftest import TELEMETRY_QUEUE, Loop
from tests.latentloop.products import product_images
from vae_core.artifact import make_golden, write_artifact

pytestmark = pytest.mark.server


def test_requests_are_answered_while_the_telemetry_is_locked_and_rows_come_again_after(loop: Loop, served: str) -> None:
    telemetry, since = open_telemetry(loop.settings), datetime.now(UTC)
    image, more = encode_png(product_images(1, seed=97)[0]), 30
    _await(lambda: _read_metric(loop, "queue_depth", queue="telemetry") == 0, "an empty queue")
    lost = _read_metric(loop, "lost_total", kind="telemetry")

    with _locked(loop.settings.telemetry_database):
        answers = [loop.score(image).status_code for _ in range(TELEMETRY_QUEUE + more)]
        assert answers == [200] * (TELEMETRY_QUEUE + more)
        assert _answers(f"{loop.settings.service_url}/healthz")
        assert _read_metric(loop, "queue_depth", queue="telemetry") == TELEMETRY_QUEUE
        assert _read_metric(loop, "lost_total", kind="telemetry") == lost + more
        assert telemetry.count(since, datetime.now(UTC)) == 0

    _await(lambda: telemetry.count(since, datetime.now(UTC)) == TELEMETRY_QUEUE, "the rows that waited")
    assert loop.score(image).status_code == 200
    _await(lambda: telemetry.count(since, datetime.now(UTC)) == TELEMETRY_QUEUE + 1, "the row of a new request")
    assert _read_metric(loop, "lost_total", kind="telemetry") == lost + more


def test_the_service_answers_while_registry_and_orchestrator_are_dead_and_the_story_goes_on_after(
    loop: Loop, served: str
) -> None:
    made = json.loads(loop.run("register", str(_noised_copy(loop, served)), "--json"))
    home = loop.settings.home
    registry, orchestrator = (
        _kill(home, each) for each in ("mlflow server", "latentloop.orchestration.prefect_server")
    )
    loop.killed.extend([registry.name, orchestrator.name])

    image = encode_png(product_images(1, seed=98)[0])
    assert [loop.score(image).status_code for _ in range(20)] == [200] * 20
    # the supervisor starts both again; then a person approves what no gate has seen
    _await(lambda: _is_up_again(home, registry), "MLflow again")
    approve_as_the_ui_does(loop.settings, made["version"])
    ledger = Ledger(open_database(loop.settings))
    _await(lambda: ledger.entries("approval-refused", made["version"]), "the refusal of the approval")
    (line,) = ledger.entries("approval-refused", made["version"])
    assert "no override is recorded" in json.loads(line.body)["reason"]
    _await(lambda: _is_up_again(home, orchestrator), "Prefect again")


@contextmanager
def _locked(database_url: str) -> Iterator[None]:
    """Somebody else writes to the database and does not end: a shell left open, a backup, a VACUUM."""
    path = make_url(database_url).database
    assert path is not None
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout = 10000")
        other.execute("BEGIN EXCLUSIVE")
        yield


def _read_metric(loop: Loop, name: str, **labels: str) -> float:
    """One of the service's figures; 0 for one that was never counted."""
    page = httpx.get(f"{loop.settings.service_url}/metrics", timeout=120, verify=trusted()).text
    samples = (each for family in text_string_to_metric_families(page) for each in family.samples)
    return sum(each.value for each in samples if each.name == f"latentloop_serving_{name}" and each.labels == labels)


def _noised_copy(loop: Loop, version: str) -> Path:
    """A version that loads and is bad, made elsewhere."""
    digest = loop.digest_of(version)
    artifact = fetch_artifact(
        open_objects(loop.settings), artifact_prefix(digest), digest, loop.folder / "to be noised"
    )
    with torch.no_grad():
        for weights in artifact.model.parameters():
            weights.add_(0.1 * torch.randn(weights.shape, generator=torch.Generator().manual_seed(1)))
    assert artifact.golden is not None
    folder = loop.folder / "noised"
    write_artifact(folder, replace(artifact, golden=make_golden(artifact.model, artifact.golden.pixels)))
    return folder


def _kill(home: Path, what: str) -> PartReport:
    """SIGKILL one of the installation's servers, as its command line names it; how it stood before."""
    words = what.split()
    for process in psutil.process_iter():
        try:
            told = process.cmdline()
            ours = any(str(home) in each for each in [*told, *process.environ().values()])
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if ours and told[1 : 2 + len(words)] == ["-m", *words]:
            (part,) = [each for each in read_children(home) if each.pid == process.pid]
            process.kill()
            return part
    raise AssertionError(f"{what}: expected a process of {home}")


def _is_up_again(home: Path, killed: PartReport) -> bool:
    """Another process of that name is up: what a killed server leaves may answer a little longer."""
    parts = [each for each in read_children(home) if each.name == killed.name]
    return [each.phase for each in parts if each.pid != killed.pid] == [Phase.up]


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10, verify=trusted()).is_success
    except httpx.HTTPError:
        return False


def _await(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 400
    while not true():
        assert time.monotonic() < deadline, f"expected {what} within 400 s"
        time.sleep(0.2)
