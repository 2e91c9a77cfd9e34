"""The paired Fréchet difference of a trial, on images that were really captured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch

from deploy.record.trials import TRIAL, MeasuredChange, TrialBegun
from deploy.release import Release, ServedVersion
from deploy.stores.objects.artifacts import artifact_prefix, put_artifact
from deploy.stores.objects.captures import CapturedImage, CaptureStore
from latentloop.demo.damage import encode_png
from tasks.deliver import measure_reconstructions, plan_measurement, record_change
from tasks.errors import NotEnoughData, TrialOver
from tasks.scoring.measure import open_extractor
from tests.tasks.conftest import Configure
from tests.tasks.opened import opened
from tests.tasks.season import known_images
from vae_core.artifact import Artifact, TrainingSummary, write_artifact
from vae_core.config import Budget, TrainConfig
from vae_core.evaluation.distances.frechet import frechet_distance
from vae_core.evaluation.distances.moments import measure_moments
from vae_core.evaluation.distances.paired_change import paired_reconstruction_change
from vae_core.evaluation.images.decoding import quantize
from vae_core.families.build import build_model
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.families.vq_vae.model import VqVae
from vae_core.images.preprocessing import Preprocessing, to_unit
from vae_core.inference import score_images
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train

CONFIG = ConvVaeConfig(widths=(8, 16), latent_dim=8)
RECIPE = TrainConfig(budget=Budget(amount=150, unit="steps"), batch_size=64)


@pytest.fixture(scope="module")
def good() -> Artifact:
    model = train(TrainingData(known_images(500, seed=1)[:, None]), CONFIG, RECIPE, Execution(lambda: 0.0)).model
    summary = TrainingSummary(steps=150, epochs=1, seconds=0, train_config=RECIPE, dataset_version="1")
    return Artifact(
        model=model, model_config=CONFIG, preprocessing=Preprocessing(), prior=None, reference=None, golden=None,
        summary=summary,
    )  # fmt: skip


@pytest.fixture
def since(configure: Configure, tmp_path: Path, good: Artifact) -> Iterator[datetime]:
    """Version 1 serves, an untrained version 2 is its canary; 90 images were captured since, 30 before."""
    configure("[evaluation]\nn_trial_images = 100\nmin_trial_images = 60\n")
    versions = {}
    untrained = replace(good, model=build_model(CONFIG, seed=3).eval())
    for version, artifact in (("1", good), ("2", untrained)):
        digest = write_artifact(tmp_path / version, artifact)
        put_artifact(opened().objects, tmp_path / version, artifact_prefix(digest))
        versions[version] = ServedVersion(version=version, digest=digest, artifact=artifact_prefix(digest))
    release = Release(
        champion=versions["1"], canary=versions["2"], canary_share=0.05, changed_at=opened().now(), reason="test"
    )
    opened().releases.compare_and_swap(0, release)
    began = opened().now() - timedelta(minutes=10)
    trial = TrialBegun(
        digest=versions["2"].digest, champion="1", champion_digest=versions["1"].digest, epoch=1, since=began
    )
    TRIAL.write(opened().ledger, "2", trial, began, key="trial:2@1")
    capture(known_images(30, seed=7), 0, began - timedelta(hours=1))
    capture(known_images(90, seed=8), 1, began)
    yield began


def capture(images: np.ndarray, sequence: int, at: datetime) -> str:
    """A replica's segment."""
    rows = [
        CapturedImage(f"r{row}", "shop", at + timedelta(seconds=row), encode_png(image))
        for row, image in enumerate(images)
    ]
    return CaptureStore(opened().objects).write("replica", sequence, rows)


def test_the_change_is_that_of_both_distances_on_the_images_of_the_trial_alone(since: datetime, good: Artifact) -> None:
    torch.set_num_threads(1)
    opened().objects.put("captures/requests/another/000000000000.parquet", b"no parquet")
    plan = plan_measurement.fn(opened(), "2", "1", since.isoformat())

    measured = measure_reconstructions.fn(opened(), plan, at_once=40)  # 90 in parts, as thousands are
    record_change.fn(opened(), plan, measured)

    assert measured.n == 90, "those of the trial alone, and a broken segment holds nothing up"
    pixels, extractor = known_images(90, seed=8)[:, None], open_extractor(opened())
    real = extractor.extract(pixels)
    theirs, ours = (
        extractor.extract(quantize(score_images(model, pixels).reconstruction))
        for model in (good.model, build_model(CONFIG, seed=3).eval())
    )
    distances = [frechet_distance(measure_moments(real), measure_moments(each)) for each in (theirs, ours)]
    assert measured.value == pytest.approx(distances[1] / distances[0] - 1, rel=1e-6)
    only_look = paired_reconstruction_change(real, ours, theirs, level=0.95)
    # four looks share the 5 %: 2.498 standard errors instead of 1.960
    assert measured.high - measured.value == pytest.approx((only_look.high - only_look.value) * 2.4977 / 1.95996)
    assert measured.low < only_look.low < measured.value
    (line,) = opened().ledger.entries("frechet")
    assert line.subject == "2@1"
    assert json.loads(line.body)["low"] == measured.low


def test_a_further_look_is_on_twice_the_images_and_leaves_a_line_of_its_own(since: datetime) -> None:
    capture(known_images(60, seed=9), 2, since + timedelta(minutes=2))
    first, second = (plan_measurement.fn(opened(), "2", "1", since.isoformat(), *look) for look in ((1, 0), (2, 120)))
    assert [(each.least, each.most) for each in (first, second)] == [(60, 100), (120, 200)]
    record_change.fn(opened(), first, MeasuredChange(value=0.0, low=-0.1, high=0.1, n=100))

    measured = measure_reconstructions.fn(opened(), second)
    for _ in range(2):  # a reply may be lost
        record_change.fn(opened(), second, measured)

    assert [json.loads(each.body)["n"] for each in opened().ledger.entries("frechet", "2@1")] == [150, 100]


def test_a_further_look_on_no_more_images_is_none(since: datetime) -> None:
    plan = plan_measurement.fn(opened(), "2", "1", since.isoformat(), 2, 180)
    with pytest.raises(NotEnoughData, match=r"^90 images were captured since .*: expected at least 180 .*\(look 2\)"):
        measure_reconstructions.fn(opened(), plan)


def test_too_few_captured_images_are_one_clear_line(since: datetime) -> None:
    plan = plan_measurement.fn(opened(), "2", "1", (since + timedelta(seconds=60)).isoformat())
    with pytest.raises(NotEnoughData, match=r"^30 images were captured since .*: expected at least 60"):
        measure_reconstructions.fn(opened(), plan)


def test_a_trial_that_is_over_is_not_measured(since: datetime) -> None:
    with pytest.raises(TrialOver, match=r"version 3 is not tried against 1 any more"):
        plan_measurement.fn(opened(), "3", "1", since.isoformat())


@pytest.mark.parametrize("vq_is_candidate", [True, False])
def test_models_of_two_kinds_are_compared_by_their_reconstructions(
    since: datetime, good: Artifact, tmp_path: Path, vq_is_candidate: bool
) -> None:
    torch.set_num_threads(1)
    config = VqVaeConfig(widths=(8, 16), codebook_size=16, code_dim=4)
    model = build_model(config, seed=3).eval()
    assert isinstance(model, VqVae)
    model.start_codes([to_unit(known_images(64, seed=9)[:, None])], torch.Generator().manual_seed(0))
    digest = write_artifact(tmp_path / "vq", replace(good, model=model, model_config=config))
    put_artifact(opened().objects, tmp_path / "vq", artifact_prefix(digest))
    vq = ServedVersion(version="3", digest=digest, artifact=artifact_prefix(digest))
    plan = plan_measurement.fn(opened(), "2", "1", since.isoformat())
    plan = plan.model_copy(
        update={"candidate": vq} if vq_is_candidate else {"candidate": plan.champion, "champion": vq}
    )

    measured = measure_reconstructions.fn(opened(), plan)

    pixels, extractor = known_images(90, seed=8)[:, None], open_extractor(opened())
    real = measure_moments(extractor.extract(pixels))
    sides = (model, good.model) if vq_is_candidate else (good.model, model)
    theirs, ours = (
        frechet_distance(real, measure_moments(extractor.extract(quantize(score_images(each, pixels).reconstruction))))
        for each in sides
    )
    assert measured.n == 90
    assert measured.value == pytest.approx(theirs / ours - 1, rel=1e-6)
