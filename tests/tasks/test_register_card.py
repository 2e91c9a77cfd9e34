"""A candidate with a long story is registered on either database: a cut page, and the whole card among the files."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data_checks.verdict import Phase, Verdict
from deploy.stores.mlflow.registry import Registry
from deploy.stores.objects.artifacts import artifact_prefix, put_artifact
from tasks.card.model_card import CAPTIONS
from tasks.register import register_candidate
from tasks.values import Claimed, Evaluated, Trained, TrainingEvent
from tests.deploy.serving.house import tiny_artifact
from tests.tasks.card.test_model_card import PLAN, RESULT, TRAINED
from tests.tasks.opened import forget, opened
from vae_core.artifact import write_artifact

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]

EVENTS = tuple(
    TrainingEvent(
        kind="codes_unused", step=step, detail=f"{step % 512} of 512 codes were used by the last {step} images"
    )
    for step in range(100, 10_000, 100)
)


@pytest.fixture(params=["sqlite", "postgresql"])
def registry(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """Settle this process in a fresh home beside the MLflow server on that database."""
    url = request.getfixturevalue("mlflow_url" if request.param == "sqlite" else "mlflow_on_postgresql")
    forget()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LATENTLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LATENTLOOP_MLFLOW_URL", url)
    monkeypatch.setenv("LATENTLOOP_PRODUCT", f"cards-{uuid.uuid4().hex}")
    yield opened().registry
    opened().engine.dispose()
    forget()


def evaluated(folder: Path) -> Evaluated:
    """An evaluated candidate, as the steps before leave it in the object store."""
    digest = write_artifact(folder, tiny_artifact(3))
    put_artifact(opened().objects, folder, artifact_prefix(digest))
    opened().objects.put("runs/one/benchmark.json", RESULT.model_dump_json().encode())
    for name in CAPTIONS:
        opened().objects.put(f"runs/one/pictures/{name}", b"a picture")
    return Evaluated(
        key="one",
        digest=digest,
        artifact=artifact_prefix(digest),
        benchmark="runs/one/benchmark.json",
        pictures="runs/one/pictures",
    )


def claimed() -> Claimed:
    opened().ledger.claim(PLAN.key, "retrain", "{}", "me", datetime.now(UTC), 600)
    return Claimed(key=PLAN.key, owner="me", outcome="new", attempt=1)


def register(trained: Trained, folder: Path) -> str:
    verdict = Verdict(phase=Phase.passed, reason="recon_error 0.0123 < limit 0.02 (n=5000)")
    return register_candidate.fn(opened(), PLAN, trained, evaluated(folder), verdict, claimed()).version


def test_a_long_card_is_cut_on_the_page_and_lies_whole_among_the_runs_files(registry: Registry, tmp_path: Path) -> None:
    version = register(TRAINED.model_copy(update={"events": EVENTS}), tmp_path / "artifact")

    registered = registry._client.get_model_version(registry.product, version)
    said, run_id = str(registered.description), str(registered.run_id)
    whole = Path(registry._client.download_artifacts(run_id, "card.md", str(tmp_path))).read_text("utf-8")
    assert len(said) <= 5_000 < len(whole)
    assert said.startswith("## Benchmark passed\n") and "| old-abc, n = 5,000 | value |" in said
    assert [name for name in CAPTIONS if f"?path={name}&run_uuid={run_id})" in said] == list(CAPTIONS)
    assert "codes_unused" not in said and whole.count("`codes_unused`") == len(EVENTS)
    assert f"[The whole card]({registry.run_file_link(run_id, 'card.md')})" in said


def test_a_short_card_is_the_page_and_the_file(registry: Registry, tmp_path: Path) -> None:
    version = register(TRAINED, tmp_path / "artifact")

    registered = registry._client.get_model_version(registry.product, version)
    whole = Path(registry._client.download_artifacts(registered.run_id, "card.md", str(tmp_path))).read_text("utf-8")
    assert registered.description == whole and "The whole card" not in whole
