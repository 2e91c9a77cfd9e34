"""Two families that the product does not know, each one folder, registered in one line, through the whole loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from mlflow import MlflowClient

from data_checks.drift.policy import ANSWERED_RULES
from deploy.record.rollback import Desk, Order, roll_back
from deploy.release import Release, ServedVersion
from deploy.stores.objects.artifacts import artifact_prefix, fetch_artifact, put_artifact
from deploy.stores.objects.release_file import generate_keys
from deploy.stores.sql.telemetry import RequestRow
from tasks.claim import claim_trigger
from tasks.evaluate import evaluate_candidate
from tasks.gate import judge_candidate
from tasks.monitor import judge_traffic, plan_monitor
from tasks.plan import plan_retrain, validate_plan
from tasks.register import register_candidate
from tasks.train import train_candidate
from tasks.values import Evaluated, RetrainPlan, Trained
from tests.deploy.serving.house import House, png, replica, wait_until
from tests.families.linear_vae.config import LinearVaeConfig
from tests.families.linear_vae.family import LinearVaeFamily
from tests.families.patch_codes.config import PatchCodesConfig
from tests.families.patch_codes.family import PatchCodesFamily
from tests.tasks.arrivals import ingest
from tests.tasks.opened import opened
from tests.tasks.season import SMALL_PRIOR, arrive_known, capture_traffic, known_images, new_images, settled
from vae_core.artifact import Artifact, write_artifact
from vae_core.config import Budget, TrainConfig
from vae_core.evaluation.benchmark_result import BenchmarkResult
from vae_core.families.build import build_model
from vae_core.families.registry import FAMILIES, register
from vae_core.inference import score_images
from vae_core.reference import measure_reference
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train
from vae_core.weights import copy_weights, digest_weights, encoder_digest

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]


@dataclass(frozen=True)
class Added:
    """A family that is added, its settings, and what only it has."""

    family: Any
    config: Any
    settings: str
    own: tuple[str, ...]
    answered: str
    rule: str
    prior: str

    @property
    def word(self) -> str:
        word: str = self.family.variant
        return word


ADDED = (
    Added(
        LinearVaeFamily(),
        LinearVaeConfig(latent_dim=8),
        '[training.model]\nvariant = "linear_vae"\nlatent_dim = 8\n',
        ("logvar", "kl", "length_per_unit"),
        "length_per_unit",
        "aggregated_posterior",
        "gaussian_mixture",
    ),
    Added(
        PatchCodesFamily(),
        PatchCodesConfig(bits=4),
        f'[training.model]\nvariant = "patch_codes"\nbits = 4\n{SMALL_PRIOR}',
        ("codes", "code_distance"),
        "code_distance",
        "code_histogram",
        "code_transformer",
    ),
)


@pytest.fixture(scope="module", params=ADDED, ids=[each.word for each in ADDED])
def added(request: pytest.FixtureRequest) -> Iterator[Added]:
    """Registered in one line, for as long as its tests run."""
    register(request.param.family)
    yield request.param
    del FAMILIES[request.param.word]


@pytest.fixture(scope="module")
def champion(
    added: Added, tmp_path_factory: pytest.TempPathFactory, mlflow_url: str
) -> Iterator[tuple[RetrainPlan, Trained, Evaluated]]:
    """An installation whose settings name the family, and its first version by the full tier."""
    home = tmp_path_factory.mktemp(added.word)
    with settled(home, mlflow_url, added.settings, f"season-{added.word}"):
        arrive_known()
        ingest()
        plan = plan_retrain.fn(opened(), "first", "full", "first")
        validate_plan.fn(opened(), plan)
        trained = train_candidate.fn(opened(), plan)
        evaluated = evaluate_candidate.fn(opened(), plan, trained)
        champion = ServedVersion(version="1", digest=evaluated.digest, artifact=evaluated.artifact)
        since = opened().now() - timedelta(hours=1)
        opened().releases.compare_and_swap(0, Release(champion=champion, changed_at=since, reason="test"))
        yield plan, trained, evaluated


@pytest.fixture
def artifact(champion: tuple[RetrainPlan, Trained, Evaluated], tmp_path: Path) -> Artifact:
    """What the store holds of it."""
    return fetch_artifact(opened().objects, champion[2].artifact, champion[2].digest, tmp_path / "fetched")


class Killed(BaseException):
    """As a signal would."""


def test_a_killed_training_of_it_goes_on_bit_for_bit(added: Added, tmp_path: Path) -> None:
    pixels = known_images(256, seed=3)[:, None]
    recipe = TrainConfig(budget=Budget(amount=60, unit="steps"), batch_size=32, checkpoint_every_steps=20)

    def trained(folder: Path, on_progress: Callable[[Any], None] | None = None) -> Any:
        return train(
            TrainingData(pixels), added.config, recipe, Execution(time.process_time, folder, on_progress=on_progress)
        )

    def die(progress: Any) -> None:
        if progress.step == 40:
            raise Killed

    whole = trained(tmp_path / "whole")
    with pytest.raises(Killed):
        trained(tmp_path / "killed", die)
    resumed = trained(tmp_path / "killed")

    assert resumed.resumed_from_step in (20, 40)
    digests = {digest_weights(copy_weights(each.model)) for each in (whole, resumed)}
    assert len(digests) == 1 and digests != {digest_weights(copy_weights(build_model(added.config)))}


def test_its_first_version_is_evaluated_passes_the_gate_and_has_a_card(
    added: Added, champion: tuple[RetrainPlan, Trained, Evaluated], artifact: Artifact
) -> None:
    plan, trained, evaluated = champion
    assert plan.model == added.config and artifact.model_config == added.config
    assert artifact.prior is not None and artifact.prior.kind == added.prior
    assert artifact.reference is not None and tuple(artifact.reference.own) == added.own
    result = BenchmarkResult.model_validate_json(opened().objects.get(evaluated.benchmark).data)
    assert result.explained_variance > 0.3, "it learnt the boxes"
    assert result.fd_samples is not None, "its samples were judged too"

    verdict = judge_candidate.fn(opened(), plan, evaluated)
    assert verdict.passed, verdict.reason
    claimed = claim_trigger.fn(opened(), plan.key, "retrain-full", "schedule")
    found = register_candidate.fn(opened(), plan, trained, evaluated, verdict, claimed)
    client, product = MlflowClient(opened().settings.mlflow_url), opened().settings.product
    version = client.get_model_version(product, found.version)
    assert version.tags["model_digest"] == evaluated.digest
    assert added.family.describe_use(result) in version.description
    assert client.get_run(version.run_id).data.params["model.variant"] == added.word


def test_a_replica_serves_it_and_its_own_columns_reach_the_answer_and_the_telemetry(
    added: Added, artifact: Artifact, house: House, tmp_path: Path
) -> None:
    digest = write_artifact(tmp_path / "built", artifact)
    put_artifact(house.objects, tmp_path / "built", artifact_prefix(digest))
    house.publish(champion=ServedVersion(version="1", digest=digest, artifact=artifact_prefix(digest)))
    image = known_images(1, seed=21)
    expected = score_images(artifact.model, image[:, None])

    with replica(house) as client:
        (code,), (score,) = (_ask(client, route, image) for route in ("encode", "score"))
        wait_until(lambda: len(house.rows()) == 2, "both rows")

    assert set(added.own) <= set(code)
    assert code[added.answered] == pytest.approx(float(expected.column(added.answered)[0]), rel=1e-3)
    assert 0 <= score["quantiles"][added.answered] <= 1
    rows = house.rows()
    assert tuple(rows.own) == added.own
    assert rows.own[added.answered].tolist() == pytest.approx([code[added.answered]] * 2, rel=1e-3)


def _ask(client: httpx.Client, route: str, image: np.ndarray) -> list[dict[str, Any]]:
    answer = client.post(f"/v1/{route}", content=png(image), headers={"Content-Type": "image/png"})
    assert answer.status_code == 200, answer.text
    images: list[dict[str, Any]] = answer.json()["images"]
    return images


def test_its_traffic_is_judged_by_the_rules_whose_columns_it_has(added: Added, artifact: Artifact) -> None:
    _answer(artifact, known_images(1_200, seed=7)[:, None])
    ordinary = judge_traffic.fn(opened(), plan_monitor.fn(opened(), "ordinary", "test"))

    assert added.rule in ordinary.verdicts and set(ordinary.verdicts) <= set(ANSWERED_RULES)
    assert not [each.reason for each in ordinary.verdicts.values() if each.failed or each.phase == "no_data"]

    moved = np.concatenate([known_images(800, seed=8), new_images(400, seed=9)])
    _answer(artifact, moved[np.random.default_rng(4).permutation(1_200), None])
    judged = judge_traffic.fn(opened(), plan_monitor.fn(opened(), "moved", "test"))

    failed = {name for name, each in judged.verdicts.items() if each.failed}
    assert {"latent_code", "recon_error"} & failed and judged.action not in ("none", "cannot_judge"), judged.reason


def _answer(artifact: Artifact, pixels: np.ndarray) -> None:
    """Traffic as telemetry holds it, the newest of all."""
    seen, at = measure_reference(artifact.model, pixels), opened().now() - timedelta(seconds=30)
    opened().telemetry.write(
        [
            RequestRow(
                at=at + timedelta(milliseconds=row), request_id=f"{at}-{row}", replica="t", route="/v1/score",
                version="1", refusal=None, recon_error=float(seen.recon_error[row]), mu=seen.mu[row],
                norm=float(seen.norm[row]), image_mean=float(seen.image_mean[row]),
                image_variance=float(seen.image_variance[row]), image_entropy=float(seen.image_entropy[row]),
                histogram=seen.histogram, latency_ms=2.0, own={name: each[row] for name, each in seen.own.items()},
            )
            for row in range(len(pixels))
        ]
    )  # fmt: skip


def test_its_weekly_retraining_keeps_the_encoder_and_is_taken_back_when_asked(
    added: Added, champion: tuple[RetrainPlan, Trained, Evaluated], artifact: Artifact, tmp_path: Path
) -> None:
    capture_traffic(known=300, new=0, seed=7_000, day=3)
    ingest()
    plan = plan_retrain.fn(opened(), "weekly", "incremental", "weekly")
    trained = train_candidate.fn(opened(), plan)
    evaluated = evaluate_candidate.fn(opened(), plan, trained)
    verdict = judge_candidate.fn(opened(), plan, evaluated)
    assert "recon_error_old_change_high" in {each.name for each in verdict.evidence}
    weekly = fetch_artifact(opened().objects, evaluated.artifact, evaluated.digest, tmp_path / "weekly")
    assert encoder_digest(weekly.model) == encoder_digest(artifact.model)
    assert digest_weights(copy_weights(weekly.model)) != digest_weights(copy_weights(artifact.model))

    first = opened().releases.read().champion
    newer = ServedVersion(version="2", digest=evaluated.digest, artifact=evaluated.artifact)
    promoted = Release(champion=newer, previous=first, changed_at=opened().now(), reason="test")
    opened().releases.compare_and_swap(opened().releases.read().epoch, promoted)
    desk = Desk(opened().releases, opened().ledger, opened().objects, generate_keys(tmp_path / "keys").private)
    done = roll_back(desk, Order("a person", "by hand", "complaints"), opened().now)
    assert (done.version, done.serves) == ("2", "1")
    assert opened().releases.read().champion == first
