"""The device of the settings: refused where it is absent, before any work; weights are taken to where it is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from deploy.stores.objects.artifacts import fetch_artifact
from tasks.dataset.new_kind import read_captured, score_captured
from tasks.errors import DeviceMissing
from tasks.plan import may_pass_later
from tasks.run.device import training_device
from tasks.scoring.codes import encode_codes, share_kept
from tasks.train import train_candidate
from tests.tasks.card.test_model_card import PLAN
from tests.tasks.catalogued import catalogued
from tests.tasks.conftest import Configure
from tests.tasks.opened import forget, opened
from tests.tasks.season import change_season, plan_emergency
from tests.vae_core.synthetic_images import TINY, boxes, tiny_vq_vae
from vae_core import inference, reference
from vae_core.artifact import Artifact, TrainingSummary
from vae_core.config import Budget, TrainConfig
from vae_core.families.build import build_model
from vae_core.families.conv_vae.model import ConvVae
from vae_core.families.scores import Scores
from vae_core.families.vq_vae.model import VqVae
from vae_core.images.preprocessing import Preprocessing
from vae_core.inference import score_images
from vae_core.reference import Reference, measure_reference


def _pretend(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """So many CUDA devices."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"Card {index}")


@pytest.mark.parametrize(("device", "count"), [("cpu", 0), ("cpu", 1), ("cuda", 1), ("cuda:0", 1), ("cuda:1", 2)])
def test_a_device_that_is_there_is_answered_as_the_settings_name_it(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, device: str, count: int
) -> None:
    configure(f'[training]\ndevice = "{device}"\n')
    _pretend(monkeypatch, count)
    assert training_device(opened()) == device


@pytest.mark.parametrize(
    ("device", "count", "there"),
    [
        ("cuda", 0, "no CUDA device"),
        ("cuda:1", 1, r"cuda:0 \(Card 0\)"),
        ("cuda:2", 2, r"cuda:0 \(Card 0\), cuda:1 \(Card 1\)"),
    ],
)
def test_a_device_that_is_absent_is_one_line_with_what_is_there_and_what_to_do(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, device: str, count: int, there: str
) -> None:
    configure(f'[training]\ndevice = "{device}"\n')
    _pretend(monkeypatch, count)
    expected = (
        rf'^device: expected "{device}", the \[training\] device of the settings, this machine has {there}.*; let a '
        r'worker run this where that device is, or set LATENTLOOP_TRAINING__DEVICE="cpu" for this one$'
    )
    with pytest.raises(DeviceMissing, match=expected) as raised:
        training_device(opened())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("built", "said"), [(None, "is built without CUDA"), ("12.8", "")])
def test_a_torch_without_cuda_is_named(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, built: str | None, said: str
) -> None:
    configure('[training]\ndevice = "cuda"\n')
    _pretend(monkeypatch, 0)
    monkeypatch.setattr(torch.version, "cuda", built)
    with pytest.raises(DeviceMissing) as raised:
        training_device(opened())
    assert ("built without CUDA" in str(raised.value)) == bool(said)


def test_a_training_is_refused_before_it_reads_an_image_and_is_not_tried_again(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure('[training]\ndevice = "cuda"\n')
    _pretend(monkeypatch, 0)
    monkeypatch.setattr("tasks.train.fix_rows", pytest.fail)
    with pytest.raises(DeviceMissing) as raised:
        train_candidate.fn(opened(), PLAN)
    assert train_candidate.retry_condition_fn is may_pass_later
    state: Any = SimpleNamespace(data=raised.value)
    assert not may_pass_later(None, None, state), "what we refuse stays refused"


def _devices(model: torch.nn.Module) -> set[str]:
    return {tensor.device.type for tensor in model.state_dict().values()}


def test_traffic_is_scored_in_its_order_by_a_champion_on_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, pixels, seen = build_model(TINY).eval(), boxes(6), []
    assert isinstance(model, ConvVae)
    catalogue = catalogued(tmp_path, b=pixels[:4], a=pixels[4:])
    rows = pa.table({"digest": ["b-3", "a-1", "b-0", "a-0", "b-2"]})

    def measure(given: ConvVae, given_pixels: np.ndarray, *, device: str, on_progress: object) -> Reference:
        seen.append((device, _devices(given)))
        np.testing.assert_array_equal(given_pixels, pixels[[3, 5, 0, 4, 2]])
        return measure_reference(model, given_pixels)  # nothing can be computed on "meta"

    world: Any = SimpleNamespace(catalogue=catalogue, settings=SimpleNamespace(training=SimpleNamespace(threads=1)))
    monkeypatch.setattr("tasks.dataset.new_kind.training_device", lambda world: "meta")
    monkeypatch.setattr(reference, "measure_reference", measure)

    artifact = _artifact(model)
    sample = score_captured(world, read_captured(world, rows, catalogue.version(), artifact), artifact)

    assert seen == [("meta", {"meta"})], "images and weights on one device"
    assert _devices(model) == {"cpu"} and len(sample) == 5


def test_codes_are_given_by_models_on_the_device_and_the_parent_stays_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, parent, seen = tiny_vq_vae(5), tiny_vq_vae(6), []

    def score(given: VqVae, pixels: np.ndarray, *, device: str) -> Scores:
        seen.append((device, _devices(given)))
        return score_images(model, pixels)

    monkeypatch.setattr("tasks.scoring.codes.training_device", lambda world: "meta")
    monkeypatch.setattr(inference, "score_images", score)
    codes = encode_codes(opened(), model, boxes(20))
    assert share_kept(opened(), parent, boxes(20), codes, seed=0) == 1.0, "both sides were scored by one model"
    assert seen == [("meta", {"meta"})] * 2
    assert _devices(model) == _devices(parent) == {"cpu"}


def _artifact(model: ConvVae) -> Artifact:
    recipe = TrainConfig(budget=Budget(amount=1, unit="steps"))
    return Artifact(
        model=model,
        model_config=model.config,
        preprocessing=Preprocessing(height=8, width=8),
        prior=None,
        reference=None,
        golden=None,
        summary=TrainingSummary(steps=1, epochs=1, seconds=1, train_config=recipe, dataset_version="1"),
    )


@pytest.mark.server
@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")  # mlflow of its own types
def test_an_emergency_is_planned_and_learnt_on_a_gpu(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_TRAINING__DEVICE", "cuda")
    forget()
    change_season()
    plan = plan_emergency()
    trained = train_candidate.fn(opened(), plan)
    artifact = fetch_artifact(opened().objects, trained.prefix, trained.digest, home / "fetched")
    assert trained.best_step is not None and artifact.prior is not None and _devices(artifact.model) == {"cpu"}
