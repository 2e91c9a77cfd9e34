"""The product's default model through every step of a retraining: its prior over codes, its gate, its card."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from deploy.release import Release, ServedVersion
from deploy.stores.objects.artifacts import artifact_prefix, fetch_artifact, put_artifact
from tasks.claim import claim_trigger
from tasks.dataset.images import read_benchmark
from tasks.evaluate import evaluate_candidate
from tasks.gate import judge_candidate
from tasks.plan import plan_retrain, validate_plan
from tasks.register import register_candidate
from tasks.run.curve import curve_key
from tasks.run.progress import heard_by
from tasks.run.steps import finished_step
from tasks.train import train_candidate, train_plan
from tasks.values import Evaluated, Judged, RetrainPlan, Trained
from tests.tasks.arrivals import ingest
from tests.tasks.heard import Heard
from tests.tasks.opened import forget, opened
from tests.tasks.season import (
    VQ_VAE,
    arrive_known,
    capture_traffic,
    copy_home,
    known_images,
    planned_again,
    serve,
    settled,
)
from vae_core.artifact import Artifact, TrainingSummary, write_artifact
from vae_core.config import Budget, TrainConfig
from vae_core.families.build import build_model
from vae_core.families.configs import ModelConfig
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.variants import ImageModel
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.families.vq_vae.model import VqVae
from vae_core.inference import score_images
from vae_core.priors.code_prior import CodePrior
from vae_core.reference import measure_reference
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train
from vae_core.training.recovery.recovery import train_with_recovery

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]


@pytest.fixture(scope="module")
def first_champion(tmp_path_factory: pytest.TempPathFactory, mlflow_url: str) -> Path:
    """An installation whose champion is a VQ-VAE by the full tier, with some traffic."""
    home = tmp_path_factory.mktemp("season-vq") / "first"
    with settled(home, mlflow_url, VQ_VAE, "season-vq"):
        arrive_known()
        ingest()
        plan = plan_retrain.fn(opened(), "first", "full", "first")
        validate_plan.fn(opened(), plan)
        evaluated = evaluate_candidate.fn(opened(), plan, train_candidate.fn(opened(), plan))
        judge_candidate.fn(opened(), plan, evaluated)
        serve(evaluated.digest, evaluated.artifact)
        capture_traffic(known=300, new=0, seed=100, day=0)
        ingest()
    return home


@pytest.fixture
def home(first_champion: Path, tmp_path: Path, mlflow_url: str) -> Iterator[Path]:
    """The same installation, for one test."""
    with settled(copy_home(first_champion, tmp_path / "copy"), mlflow_url, VQ_VAE, "season-vq"):
        yield tmp_path / "copy"


def _artifact(key: str, home: Path) -> Artifact:
    """What the training of a run made."""
    trained = finished_step(opened().objects, key, "trained", Trained)
    assert trained is not None
    return fetch_artifact(opened().objects, trained.prefix, trained.digest, home / f"trained-{key}")


def _kept(key: str) -> tuple[RetrainPlan, Trained, Evaluated]:
    plan = finished_step(opened().objects, key, "plan", RetrainPlan)
    trained = finished_step(opened().objects, key, "trained", Trained)
    evaluated = finished_step(opened().objects, key, "evaluated", Evaluated)
    assert plan is not None and trained is not None and evaluated is not None
    return plan, trained, evaluated


def test_the_full_tier_ends_with_a_vq_vae_and_a_prior_over_its_codes(home: Path) -> None:
    plan, trained, evaluated = _kept("first")
    artifact = fetch_artifact(opened().objects, evaluated.artifact, evaluated.digest, home / "fetched")

    assert isinstance(plan.model, VqVaeConfig) and plan.code_prior is not None
    assert isinstance(artifact.prior, CodePrior) and artifact.prior.kind == "code_transformer"
    assert artifact.prior.config == plan.code_prior.config
    assert (artifact.prior.config.grid, artifact.prior.config.codebook_size) == ((7, 7), 32)
    fitted = trained.code_prior
    assert fitted is not None and (fitted.steps, fitted.warm) == (60, False)
    assert fitted.nats_per_code < 0.6 * fitted.before, "it learnt something"
    assert evaluated.code_nats is not None and fitted.nats_per_code * 0.9 < evaluated.code_nats < math.log(32) * 0.6
    assert artifact.reference is not None and "codes" in artifact.reference.own
    assert trained.codes_kept is None and artifact.summary.held_out_neg_elbo is None


def test_the_curve_and_the_words_of_a_vq_vae_are_its_own(home: Path) -> None:
    curve = json.loads(opened().objects.get(curve_key("first")).data)
    assert set(curve) == {"step", "epoch", "squared_error", "commitment", "codes_used", "perplexity", "learning_rate"}
    assert curve["squared_error"][-1] < 0.5 * curve["squared_error"][0]
    pictures = {key.rsplit("/", 1)[-1] for key in opened().objects.keys("runs/first/pictures/")}
    assert "codes.png" in pictures and "traversals.png" not in pictures


def test_the_gate_judges_a_first_vq_vae_by_the_share_of_its_codes(home: Path) -> None:
    judged = finished_step(opened().objects, "first", "judged", Judged)
    assert judged is not None and judged.verdict.passed
    assert "codes_used" in judged.verdict.reason and "limit 16 codes" in judged.verdict.reason
    assert {each.name for each in judged.verdict.evidence} == {"explained_variance", "codes_used"}


@pytest.fixture
def registered(home: Path) -> ModelVersion:
    """The first version as MLflow has it."""
    plan, trained, evaluated = _kept("first")
    judged = finished_step(opened().objects, "first", "judged", Judged)
    assert judged is not None
    claimed = claim_trigger.fn(opened(), plan.key, "retrain-full", "schedule")
    found = register_candidate.fn(opened(), plan, trained, evaluated, judged.verdict, claimed)
    return MlflowClient(opened().settings.mlflow_url).get_model_version(opened().settings.product, found.version)


def test_the_card_of_a_vq_vae_tells_of_codes_and_of_no_posterior(registered: ModelVersion) -> None:
    card = registered.description
    for words in ("codes used | ", " of 32 |", "perplexity of the codes", "nats per code by the prior", "codes.png"):
        assert words in card
    for words in ("KL", "ELBO", "active units", "N(0, I)", "fitted mixture", "traversals.png"):
        assert words not in card
    run = MlflowClient(opened().settings.mlflow_url).get_run(registered.run_id)
    assert run.data.params["model.variant"] == "vq_vae" and run.data.params["code_prior.width"] == "32"
    assert {"train/squared_error", "train/codes_used", "prior/held_out_nll"} <= set(run.data.metrics)
    assert not {"train/kl", "train/neg_elbo", "kl", "neg_elbo", "active_units"} & set(run.data.metrics)


def test_the_registered_vq_vae_answers_with_its_codes_and_unpickles_nothing(
    registered: ModelVersion, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.pyfunc

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    pixels = known_images(3, seed=11)[:, None]
    answer = mlflow.pyfunc.load_model(f"models:/{registered.name}/{registered.version}").predict({"pixels": pixels})

    expected = score_images(_artifact("first", home).model, pixels)
    np.testing.assert_array_equal(answer["codes"], expected.column("codes"))
    np.testing.assert_allclose(answer["code_distance"], expected.column("code_distance"), rtol=1e-5)
    np.testing.assert_allclose(answer["recon_error"], expected.recon_error, rtol=1e-5)
    assert set(answer) == {"reconstruction", "mu", "recon_error", "codes", "code_distance"}


@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param(
            "cuda",
            marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")],
        ),
    ],
)
def test_a_warm_start_begins_at_the_parents_prior_and_says_how_many_codes_it_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    monkeypatch.setenv("LATENTLOOP_TRAINING__DEVICE", device)
    forget()
    capture_traffic(known=300, new=0, seed=7_000, day=3)
    ingest()
    plan = plan_retrain.fn(opened(), "weekly", "incremental", "weekly")
    trained = train_candidate.fn(opened(), plan)

    assert isinstance(plan.model, VqVaeConfig) and plan.champion is not None
    assert trained.code_prior is not None and trained.code_prior.warm
    first = _kept("first")[1].code_prior
    assert first is not None and trained.code_prior.before < 0.7 * first.before, "the parent's weights, not first ones"
    assert trained.codes_kept is not None and 0.5 < trained.codes_kept <= 1
    assert _artifact(plan.key, home).summary.codes_kept == trained.codes_kept


class Killed(BaseException):
    """What stands for the end of the process."""


class PriorWatched(Heard):
    """A hearer of the steps of a prior's fit, who may end the process at one of them."""

    def __init__(self, dies_at: int | None = None) -> None:
        super().__init__()
        self._dies_at = dies_at
        self.told: list[int] = []

    def note(self, step: str, share_done: float, detail: str, part: str = "") -> None:
        super().note(step, share_done, detail, part)
        if found := re.match(r"over codes: step (\d+), ", detail):
            self.told.append(int(found[1]))
            if self.told[-1] == self._dies_at:
                raise Killed


def test_a_training_killed_while_its_prior_is_fitted_goes_on_to_the_same_prior(home: Path) -> None:
    plan = planned_again(_kept("first")[0], "killed")
    first, second = PriorWatched(dies_at=40), PriorWatched()
    with pytest.raises(Killed), heard_by(first):
        train_candidate.fn(opened(), plan)
    assert first.told == [20, 40]

    with heard_by(second):
        trained = train_candidate.fn(opened(), plan)

    assert second.told == [40, 60], "from the checkpoint of step 20 on"
    assert trained.resumed_from_step == trained.steps == 200, "the weights were trained already"
    ours, whole = (_artifact(key, home).prior for key in ("killed", "first"))
    assert ours is not None and whole is not None
    expected = whole.to_tensors()
    assert all(torch.equal(value, expected[name]) for name, value in ours.to_tensors().items())


def _blind_with_many_codes(config: ModelConfig, seed: int) -> ImageModel:
    """A model that sees nothing where it has 32 codes, and so uses one of them; a smaller one is as it is."""
    model = build_model(config, seed)
    assert isinstance(model, VqVae)
    if config.codes == 32:
        for weight in (*model.encoder.parameters(), *model.to_codes.parameters()):
            weight.requires_grad_(False).zero_()
    return model


def test_a_codebook_that_was_shrunk_is_that_of_the_version_of_its_prior_and_of_mlflow(home: Path) -> None:
    plan = planned_again(_kept("first")[0], "shrunk")
    trained = train_plan(opened(), plan, partial(train_with_recovery, build=_blind_with_many_codes))

    artifact = _artifact("shrunk", home)
    assert "restarted" in [each.kind for each in trained.events]
    assert isinstance(artifact.model_config, VqVaeConfig) and isinstance(artifact.prior, CodePrior)
    assert (artifact.model_config.codebook_size, artifact.prior.config.codebook_size) == (16, 16)
    assert artifact.summary.train_config == plan.train
    client, registry = MlflowClient(opened().settings.mlflow_url), opened().registry
    params = client.get_run(registry.ensure_run("shrunk", "shrunk", {})).data.params
    assert (params["model.codebook_size"], params["code_prior.codebook_size"]) == ("32", "32"), "as it was planned"
    assert {name: value for name, value in params.items() if name.startswith("trained.")} == {
        "trained.model.codebook_size": "16",
        "trained.code_prior.codebook_size": "16",
    }


def test_a_vq_vae_is_judged_against_a_vae_by_its_errors_and_its_own_share_of_codes(home: Path) -> None:
    plan, _, evaluated = _kept("first")
    _promote_a_vae(home, read_benchmark(opened().objects, plan.benchmark, 250))

    verdict = judge_candidate.fn(opened(), plan.model_copy(update={"key": "against-a-vae"}), evaluated)

    limits = {each.name: each.limit for each in verdict.evidence}
    assert {name for name in limits if not name.startswith("cluster_")} == {
        "recon_error_old_change_high",
        "kid_efflite0_reconstructions_old_change_low",
        "kid_efflite0_old_change_low",
        "codes_used",
    }
    assert limits["codes_used"] == 16, "half of all codes: the champion has none to compare with"
    judged = finished_step(opened().objects, "against-a-vae", "judged", Judged)
    assert judged is not None and judged.champion is not None and judged.champion.version == "2"


def _promote_a_vae(home: Path, pixels: np.ndarray) -> None:
    model = ConvVaeConfig(widths=(8, 16), latent_dim=8)
    recipe = TrainConfig(budget=Budget(amount=60, unit="steps"), batch_size=64)
    result = train(TrainingData(pixels), model, recipe, Execution(time.process_time))
    artifact = Artifact(
        model=result.model,
        model_config=model,
        preprocessing=opened().settings.preprocessing,
        prior=None,
        reference=measure_reference(result.model, pixels),
        golden=None,
        summary=TrainingSummary(steps=60, epochs=1, seconds=1, train_config=recipe, dataset_version="1"),
    )
    digest = write_artifact(home / "vae", artifact)
    put_artifact(opened().objects, home / "vae", artifact_prefix(digest))
    store = opened().releases
    champion = ServedVersion(version="2", digest=digest, artifact=artifact_prefix(digest))
    store.compare_and_swap(store.read().epoch, Release(champion=champion, changed_at=opened().now(), reason="test"))


def test_an_emergency_finds_the_new_kind_by_its_codes_and_learns_it(home: Path) -> None:
    capture_traffic(known=570, new=330, seed=1_000, day=1)
    ingest()
    plan = plan_retrain.fn(opened(), "drift-1", "emergency", "drift: stripes", "by hand")
    validate_plan.fn(opened(), plan)
    trained = train_candidate.fn(opened(), plan)

    assert isinstance(plan.model, VqVaeConfig) and plan.found is not None
    assert trained.mixing is not None and trained.mixing.new_share >= 0.2
    assert trained.best_step is not None and trained.best_step > 0
    assert trained.code_prior is not None and trained.code_prior.warm and trained.codes_kept is not None
    summary = _artifact(plan.key, home).summary
    assert summary.held_out_squared_error is not None and summary.held_out_squared_error_before is not None
    assert summary.held_out_squared_error < 0.9 * summary.held_out_squared_error_before, "the new kind was learnt"
    assert summary.held_out_neg_elbo is None
