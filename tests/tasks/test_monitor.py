"""The monitor's steps on real stores: traffic of a real model judged against its own reference."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from data_checks.drift.policy import rules_for
from deploy.record.drift_lines import DriftLine
from deploy.release import Release, ServedVersion
from deploy.stores.objects.artifacts import artifact_prefix, put_artifact
from deploy.stores.sql.telemetry import RequestRow
from tasks.drift_values import JudgedTraffic
from tasks.monitor import judge_traffic, plan_monitor, read_traffic, store_snapshot, write_drift_line
from tests.servers import free_ports
from tests.tasks.conftest import Configure
from tests.tasks.opened import opened
from tests.tasks.season import known_images
from vae_core.artifact import Artifact, TrainingSummary, write_artifact
from vae_core.config import Budget, TrainConfig
from vae_core.families.configs import ModelConfig
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.registry import FAMILIES
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.images.preprocessing import Preprocessing
from vae_core.reference import measure_reference
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train

GRID_RULES = rules_for(each.name for each in FAMILIES["vq_vae"].columns)

CONFIG = ConvVaeConfig(widths=(8, 16), latent_dim=8)
RECIPE = TrainConfig(budget=Budget(amount=150, unit="steps"), batch_size=64)


def trained_on_boxes(config: ModelConfig) -> Artifact:
    """A model of boxes, and what it was accepted on."""
    images = known_images(1_500, seed=1)[:, None]
    model = train(TrainingData(images[:500]), config, RECIPE, Execution(lambda: 0.0)).model
    return Artifact(
        model=model,
        model_config=config,
        preprocessing=Preprocessing(),
        prior=None,
        reference=measure_reference(model, images[500:]),
        golden=None,
        summary=TrainingSummary(steps=150, epochs=1, seconds=0, train_config=RECIPE, dataset_version="1"),
    )


@pytest.fixture(scope="module")
def champion() -> Artifact:
    return trained_on_boxes(CONFIG)


@pytest.fixture(scope="module")
def vq_champion() -> Artifact:
    return trained_on_boxes(VqVaeConfig(widths=(8, 16), codebook_size=32, code_dim=8))


@pytest.fixture
def served(
    champion: Artifact, configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Artifact]:
    """It serves as version 1; MLflow is away."""
    monkeypatch.setenv("LATENTLOOP_MLFLOW_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    yield from serve(champion, tmp_path)


@pytest.fixture
def vq_served(
    vq_champion: Artifact, configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Artifact]:
    """Likewise the VQ-VAE."""
    monkeypatch.setenv("LATENTLOOP_MLFLOW_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    yield from serve(vq_champion, tmp_path)


def serve(champion: Artifact, tmp_path: Path) -> Iterator[Artifact]:
    digest = write_artifact(tmp_path / "artifact", champion)
    put_artifact(opened().objects, tmp_path / "artifact", artifact_prefix(digest))
    version = ServedVersion(version="1", digest=digest, artifact=artifact_prefix(digest))
    release = Release(champion=version, changed_at=opened().now() - timedelta(hours=30), reason="test")
    opened().releases.compare_and_swap(0, release)
    yield champion


def answer(artifact: Artifact, images: np.ndarray, black: int = 0) -> None:
    """Traffic as telemetry holds it: images (N, 28, 28) in this order, then refused black frames."""
    seen, at = measure_reference(artifact.model, images[:, None]), opened().now() - timedelta(minutes=5)
    rows = [
        RequestRow(
            at=at + timedelta(milliseconds=row), request_id=f"r{row}", replica="t", route="/v1/score", version="1",
            refusal=None, recon_error=float(seen.recon_error[row]), mu=seen.mu[row],
            own={name: column[row] for name, column in seen.own.items()},
            norm=float(seen.norm[row]), image_mean=float(seen.image_mean[row]),
            image_variance=float(seen.image_variance[row]), image_entropy=float(seen.image_entropy[row]),
            histogram=seen.histogram, latency_ms=2.0,
        )
        for row in range(len(images))
    ]  # fmt: skip
    rows += [
        RequestRow(
            at=at + timedelta(seconds=10, milliseconds=row), request_id=f"b{row}", replica="t", route="/v1/score",
            version="1", refusal="low_variance", recon_error=None, mu=None, norm=None,
            image_mean=None, image_variance=None, image_entropy=None, histogram=None, latency_ms=1.0,
        )
        for row in range(black)
    ]  # fmt: skip
    opened().telemetry.write(rows)


def season(known: int, new: int) -> np.ndarray:
    """Boxes, and boxes whose columns are shuffled: the same grey levels in an order that no model of boxes has seen."""
    shuffled = known_images(new, seed=3)[:, :, np.random.default_rng(5).permutation(28)]
    images = np.concatenate([known_images(known, seed=2), shuffled])
    return images[np.random.default_rng(4).permutation(len(images))]


def monitor(key: str) -> tuple[JudgedTraffic, DriftLine]:
    """The steps of the flow."""
    plan = plan_monitor.fn(opened(), key, "test")
    judged = judge_traffic.fn(opened(), plan)
    return judged, write_drift_line(opened(), plan, judged, store_snapshot.fn(opened(), plan, judged))


def test_a_new_kind_asks_for_an_emergency_once_and_names_its_stored_snapshot(served: Artifact) -> None:
    answer(served, season(1_000, 250), black=60)

    judged, record = monitor("one")

    assert record.action == "emergency", record.reason
    assert [action for action, _ in record.also] == ["block"]
    assert judged.new_kind is not None
    assert 200 <= judged.new_kind.found <= 260
    assert record.needed_images == opened().settings.drift.new_images_needed - judged.new_kind.found
    assert 0.1 < record.new_share_low < 0.25
    assert {"latent_code", "recon_error", "refused_low_variance"} <= set(record.failed)
    kept = {key.rsplit("/", 1)[-1] for key in opened().objects.keys(f"snapshots/{record.snapshot}/")}
    assert kept == {"snapshot.json", "report.html"}
    assert record.url == "", "MLflow is away: the decision stands without its copy"

    _, again = monitor("two")

    assert again.action == "wait"
    assert record.key in again.reason


def test_traffic_of_a_vq_vae_is_judged_by_its_own_rules(vq_served: Artifact) -> None:
    answer(vq_served, known_images(1_500, seed=7), black=5)

    judged, record = monitor("one")

    assert record.action == "none", record.reason
    assert [rule for rule in judged.verdicts if not rule.startswith("refused_")] == list(GRID_RULES)
    assert not [name for name, each in judged.verdicts.items() if each.failed or each.phase == "no_data"]
    assert "code_perplexity" in {each.name for each in judged.verdicts["code_histogram"].evidence}


def test_a_new_kind_in_the_traffic_of_a_vq_vae_is_found_and_asks_for_an_emergency(vq_served: Artifact) -> None:
    answer(vq_served, season(1_000, 250))

    judged, record = monitor("one")

    assert record.action == "emergency", record.reason
    assert {"latent_code", "recon_error", "code_histogram"} <= set(record.failed)
    assert judged.new_kind is not None and 200 <= judged.new_kind.found <= 275


def test_a_run_reads_its_traffic_once(served: Artifact) -> None:
    answer(served, season(1_000, 0))
    world = opened()
    plan = plan_monitor.fn(world, "once", "test")
    judged = judge_traffic.fn(world, plan)
    answer(served, season(0, 300))
    assert read_traffic(world, plan)[0].received == judged.received == 1_000, "what came meanwhile is not in it"
    assert read_traffic(world, plan) is read_traffic(world, plan)


def test_a_run_that_starts_again_leaves_one_line_and_the_same_judgement(served: Artifact) -> None:
    answer(served, season(1_000, 250))
    first = monitor("one")
    answer(served, known_images(600, seed=9))

    assert monitor("one") == first
    assert len(opened().ledger.entries("drift", "1")) == 1


def test_a_fault_of_every_image_that_leaves_its_grey_levels_is_shown_to_a_person(served: Artifact) -> None:
    random = np.random.default_rng(0)
    pixels = known_images(1_000, seed=7).reshape(1_000, -1)
    for image in pixels:  # half of its pixels change places
        places = random.permutation(image.size)[: image.size // 2]
        image[places] = image[random.permutation(places)]
    answer(served, pixels.reshape(-1, 28, 28))

    judged, line = monitor("schedule-1")

    assert (judged.action, line.action) == ("block", "block")
    assert judged.reason.startswith("no known kind is left to tell a fault from a new kind by: ")
    assert judged.verdicts["image_statistics"].passed
    assert ("none", "held back: full: a new kind") in [(action, reason[:27]) for action, reason in judged.also]


def test_ordinary_traffic_asks_for_nothing(served: Artifact) -> None:
    answer(served, known_images(1_500, seed=7))

    judged, record = monitor("one")

    assert record.action == "none", record.reason
    assert not [name for name, each in judged.verdicts.items() if each.failed]


@pytest.mark.parametrize("images", [0, 120])
def test_too_little_traffic_is_no_verdict(served: Artifact, images: int) -> None:
    if images:
        answer(served, known_images(images, seed=7))

    _, record = monitor("one")

    assert record.action == "cannot_judge"
    assert json.loads(opened().ledger.entries("drift", "1")[0].body)["snapshot"] == record.snapshot


def test_without_a_champion_nothing_is_judged_and_that_is_said(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTLOOP_MLFLOW_URL", f"http://127.0.0.1:{free_ports(1)[0]}")

    _, record = monitor("one")

    assert (record.action, record.champion) == ("cannot_judge", "")
