"""A VAE's training that ends in doubt: a snapshot is handed over, the bounds are kept, and the twin is told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mlflow import MlflowClient

from deploy.stores.objects.artifacts import fetch_artifact
from tasks.card.training import tell_training
from tasks.dataset.images import read_benchmark
from tasks.plan import plan_retrain
from tasks.run.progress import heard_by
from tasks.run.steps import finished_step, step_key
from tasks.train import train_candidate, train_plan
from tasks.values import RetrainPlan
from tests.tasks.heard import Heard
from tests.tasks.opened import forget, opened
from tests.tasks.season import planned_again
from vae_core.families.conv_vae.model import ConvVae
from vae_core.training.health.quick_benchmark import measure_quickly
from vae_core.training.recovery.recovery import train_with_recovery
from vae_core.training.result import TrainResult
from vae_core.weights import copy_weights, digest_weights

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]

GATE = {"LATENTLOOP_GATE__FIRST_MIN_ACTIVE_UNITS": "2", "LATENTLOOP_GATE__FIRST_MIN_EXPLAINED_VARIANCE": "0.2"}


class Blinding:
    """A trainer whose last weights are made to encode nothing; the snapshots of a training are as they are."""

    def __init__(self) -> None:
        self.results: list[TrainResult] = []

    def __call__(self, *given: Any, **more: Any) -> TrainResult:
        result = train_with_recovery(*given, **more)
        assert isinstance(result.model, ConvVae)
        with torch.no_grad():
            result.model.to_posterior.weight.zero_()
        self.results.append(result)
        return result


def _plan(key: str, **recipe: object) -> RetrainPlan:
    """The first plan again, by a recipe that looks out for a collapse."""
    first = finished_step(opened().objects, "first", "plan", RetrainPlan)
    assert first is not None
    return planned_again(first, key, train=first.train.model_copy(update=recipe))


def test_a_snapshot_takes_the_place_of_weights_that_encode_nothing_all_the_way_to_the_card(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in GATE.items():
        monkeypatch.setenv(name, value)
    forget()
    heard, blinding = Heard(), Blinding()
    plan = _plan("doubtful", snapshots=4, mutual_information_every_steps=80, twin_share=0.1)
    with heard_by(heard):
        trained = train_plan(opened(), plan, blinding)

    (result,) = blinding.results
    best = max(result.snapshots, key=lambda each: each.kl)
    artifact = fetch_artifact(opened().objects, trained.prefix, trained.digest, home / "fetched")
    assert digest_weights(copy_weights(artifact.model)) == digest_weights(best.weights)
    assert trained.best_step == artifact.summary.best_step == best.step and trained.steps == 200
    assert [each.kind for each in trained.events] == ["fell_back"] and f"KL {best.kl:.2f}" in trained.events[0].detail
    found = measure_quickly(artifact.model, read_benchmark(opened().objects, plan.benchmark, 300))
    assert found.active_units >= 2 and artifact.prior is not None, "the prior is of the weights that are handed over"
    assert [(each.step, each.n) for each in trained.information] == [(80, 300), (160, 300), (200, 300)]
    assert heard.steps == [
        *("reading", "training", "early-warning twin", "weights", "scoring", "prior"),
    ]

    told = "\n".join(tell_training(trained))
    assert "While training, step 200: `fell_back`: too few units are active (0 of 8 units active" in told
    assert "n = 300, fewer than the 10,000 wanted" in told and "nats at step 200" in told
    client = MlflowClient(opened().settings.mlflow_url)
    run_id = opened().registry.ensure_run("doubtful", "doubtful", {})
    history = client.get_metric_history(run_id, "train/information_lower")
    assert [(each.step, each.value) for each in history] == [(each.step, each.lower) for each in trained.information]
    assert client.get_run(run_id).data.params["train.snapshots"] == "4"

    # killed before the step was kept, and begun again: nothing is trained, and the same version comes of it
    (folder := home / "again").mkdir()
    opened().objects.delete(step_key("doubtful", "trained"))
    again = train_plan(opened(), plan, blinding)
    second = fetch_artifact(opened().objects, again.prefix, again.digest, folder / "fetched")
    assert len(blinding.results) == 2 and again.resumed_from_step == 200
    assert digest_weights(copy_weights(second.model)) == digest_weights(best.weights)
    assert (again.best_step, again.information) == (trained.best_step, trained.information)
    assert again.events[-1] == trained.events[-1], "the same fallback, after the event of the resume"
    repeated = client.get_metric_history(run_id, "train/information_lower")
    assert [each.step for each in repeated] == [80, 160, 200], "each look is in MLflow once"


def test_a_training_that_recovered_seals_the_recipe_that_was_trained_and_says_so_in_mlflow(home: Path) -> None:
    # so heavy a KL that nothing is encoded from the first step on: given up after a hundred, and begun anew
    plan = _plan("recovered", beta=1000.0, kl_warmup_share=0.0, free_bits_nats=0.0)
    trained = train_candidate.fn(opened(), plan)

    assert [each.kind for each in trained.events] == ["collapse_suspected", "restarted"] and trained.steps == 200
    artifact = fetch_artifact(opened().objects, trained.prefix, trained.digest, home / "fetched")
    assert artifact.summary.train_config == plan.train.model_copy(update={"beta": 1.0})
    assert artifact.model_config == plan.model
    client = MlflowClient(opened().settings.mlflow_url)
    run_id = opened().registry.ensure_run("recovered", "recovered", {})
    params = client.get_run(run_id).data.params
    assert params["train.beta"] == "1000.0", "what was planned stays"
    assert {name: value for name, value in params.items() if name.startswith("trained.")} == {
        "trained.train.beta": "1.0"
    }

    # killed before the step was kept, and begun again: the same version, and nothing that MLflow would refuse
    opened().objects.delete(step_key("recovered", "trained"))
    again = train_candidate.fn(opened(), plan)
    (folder := home / "again").mkdir()
    second = fetch_artifact(opened().objects, again.prefix, again.digest, folder / "fetched")
    assert second.summary.train_config == artifact.summary.train_config
    assert client.get_run(run_id).data.params == params


def test_the_plan_says_what_will_really_be_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for tier in ("FULL", "INCREMENTAL"):
        monkeypatch.setenv(f"LATENTLOOP_TRAINING__{tier}__SNAPSHOTS", "3")
        monkeypatch.setenv(f"LATENTLOOP_TRAINING__{tier}__TWIN_SHARE", "0.1")
    forget()
    full, weekly = (
        plan_retrain.fn(opened(), f"plan-{tier}", tier, "test", "by hand") for tier in ("full", "incremental")
    )
    assert (full.train.snapshots, full.train.twin_share) == (3, 0.1)
    assert (weekly.train.snapshots, weekly.train.twin_share, weekly.train.trains) == (0, 0.0, "decoder")
