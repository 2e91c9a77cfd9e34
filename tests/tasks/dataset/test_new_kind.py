"""The traffic as the champion sees it: in its order, on the device of the settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from data_checks.sample import Sample
from deploy.stores.catalogue import Catalogue
from tasks.dataset.new_kind import read_captured, score_captured
from tasks.errors import NotEnoughData
from tests.tasks.catalogued import catalogued
from tests.tasks.watched_devices import NoResult, Seen, devices_of, watch_devices, world_on
from tests.vae_core.synthetic_images import TINY, boxes
from vae_core.artifact import Artifact, TrainingSummary
from vae_core.config import Budget, TrainConfig
from vae_core.families.build import build_model
from vae_core.families.conv_vae.model import ConvVae
from vae_core.images.preprocessing import Preprocessing
from vae_core.reference import measure_reference

ORDER = [3, 5, 0, 4, 2]
"""Of six images, in segments b and a, as the traffic had them."""


@pytest.fixture
def captured(tmp_path: Path) -> tuple[Catalogue, pa.Table]:
    """A catalogue of six boxes, and the traffic among them."""
    pixels = boxes(6)
    rows = pa.table({"digest": ["b-3", "a-1", "b-0", "a-0", "b-2"]})
    return catalogued(tmp_path, b=pixels[:4], a=pixels[4:]), rows


def test_traffic_is_scored_in_its_order_by_a_champion_on_the_device(captured: tuple[Catalogue, pa.Table]) -> None:
    (catalogue, rows), seen = captured, Seen()
    model = watch_devices(build_model(TINY).eval(), seen)
    assert isinstance(model, ConvVae)
    artifact, world = _artifact(model), world_on("cpu", catalogue=catalogue)

    pixels = read_captured(world, rows, catalogue.version(), artifact)
    np.testing.assert_array_equal(pixels, boxes(6)[ORDER])
    sample = score_captured(world, pixels, artifact)
    expected = Sample.of(measure_reference(model, boxes(6)[ORDER]))
    np.testing.assert_array_equal(sample.recon_error, expected.recon_error)
    np.testing.assert_array_equal(sample.mu, expected.mu)
    seen.clear()

    with pytest.raises(NoResult):
        score_captured(world_on("meta"), pixels, artifact)
    assert seen == [("meta", {"meta"})], "images and weights on one device"
    assert devices_of(model) == {"cpu"}


def test_without_any_traffic_there_is_nothing_to_find_a_new_kind_in(captured: tuple[Catalogue, pa.Table]) -> None:
    catalogue, rows = captured
    model = build_model(TINY).eval()
    assert isinstance(model, ConvVae)
    with pytest.raises(NotEnoughData, match=r"^0 images were captured from traffic .*: expected some .*serve first$"):
        read_captured(world_on("cpu", catalogue=catalogue), rows.slice(0, 0), catalogue.version(), _artifact(model))


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
