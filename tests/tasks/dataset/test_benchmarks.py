"""The hold-outs that are frozen: cut once, of whole sources, and one for each way in which images are made."""

from __future__ import annotations

import json

import pytest

from deploy.record.holdouts import BenchmarkSet
from tasks.dataset.benchmarks import _of_these_images
from tasks.dataset.images import read_benchmark
from tasks.dataset.rows import training_rows
from tasks.errors import NotEnoughData
from tasks.plan import plan_retrain, validate_plan
from tests.tasks.arrivals import SMALL_HOLDOUT, arrive_suppliers, ingest
from tests.tasks.conftest import Configure
from tests.tasks.opened import opened
from vae_core.images.preprocessing import Preprocessing

pytestmark = pytest.mark.usefixtures("small_holdout")


def test_the_hold_out_is_cut_once_and_shares_neither_source_nor_image_with_the_training() -> None:
    arrive_suppliers(sources=10, each=30)

    plan = plan_retrain.fn(opened(), "one", "full", "first")
    validate_plan.fn(opened(), plan)

    manifest = json.loads(opened().objects.get(f"{plan.benchmark.prefix}/manifest.json").data)
    rows = training_rows(opened(), opened().catalogue, plan, ["digest"])
    assert 50 <= plan.benchmark.n == len(manifest["digests"]) <= 90
    assert plan.twins is not None and plan.twins.n <= 3, "two boxes in one place may look alike"
    assert plan.n_training == rows.num_rows == 300 - plan.benchmark.n - plan.twins.n
    assert not set(plan.sources) & set(plan.benchmark.sources)
    assert not set(rows["digest"].to_pylist()) & set(manifest["digests"])
    assert opened().digests.protected(manifest["digests"]) == set(manifest["digests"])
    assert read_benchmark(opened().objects, plan.benchmark, 1_000).shape == (plan.benchmark.n, 1, 28, 28)


def test_the_second_plan_has_the_same_hold_out_though_the_catalogue_grew() -> None:
    arrive_suppliers(sources=10, each=30)
    first = plan_retrain.fn(opened(), "one", "full", "first")
    arrive_suppliers(sources=4, each=30, first_seed=1_000)

    second = plan_retrain.fn(opened(), "two", "full", "second")

    assert second.benchmark == first.benchmark
    assert second.n_training == first.n_training + 120
    assert len(opened().ledger.entries("benchmark", "old")) == 1


def test_too_few_images_to_hold_some_out_are_one_clear_line() -> None:
    arrive_suppliers(sources=10, each=20)
    with pytest.raises(
        NotEnoughData,
        match=r"^200 images are in the catalogue: expected at least 250, .*evaluation.holdout_share = 0.3",
    ) as caught:
        plan_retrain.fn(opened(), "one", "full", "first")
    assert "\n" not in str(caught.value)
    assert opened().ledger.entries("benchmark", "old") == [], "nothing is held back that could be trained on later"


RESIZED = '[preprocessing]\nfit = "stretch"\n'


LARGER_PICTURES = '[preprocessing]\nheight = 32\nwidth = 32\nfit = "pad"\n[training.model]\nvariant = "vq_vae"\n'


@pytest.mark.parametrize(
    ("changed", "shape"), [(LARGER_PICTURES, (1, 32, 32)), (RESIZED, (1, 28, 28))], ids=["larger", "another fit"]
)
def test_images_made_otherwise_have_a_hold_out_of_their_own_and_the_first_one_stays(
    configure: Configure, changed: str, shape: tuple[int, int, int]
) -> None:
    arrive_suppliers(sources=10, each=40)  # those that the first one holds out stay held out
    first = plan_retrain.fn(opened(), "one", "full", "first").benchmark
    configure(SMALL_HOLDOUT + changed)
    ingest()
    second = plan_retrain.fn(opened(), "two", "full", "second").benchmark
    assert second.prefix != first.prefix and second.preprocessing == opened().settings.preprocessing.digest
    assert read_benchmark(opened().objects, second, 1).shape[1:] == shape
    assert plan_retrain.fn(opened(), "three", "full", "again").benchmark == second
    configure(SMALL_HOLDOUT)
    assert plan_retrain.fn(opened(), "four", "full", "back again").benchmark == first


def test_a_hold_out_of_the_release_before_is_that_of_the_images_that_are_the_same_today(configure: Configure) -> None:
    arrive_suppliers(sources=10, each=30)
    cut = plan_retrain.fn(opened(), "one", "full", "first").benchmark
    unnamed = BenchmarkSet.model_validate(cut.model_dump(exclude={"preprocessing"}))
    schema_1 = Preprocessing.model_validate({"schema_version": 1, "channels": 1, "height": 28, "width": 28})
    named = cut.model_copy(update={"preprocessing": schema_1.digest})
    assert cut.preprocessing == opened().settings.preprocessing.digest and unnamed.preprocessing is None
    assert _of_these_images(opened(), unnamed) and _of_these_images(opened(), named)
    configure(SMALL_HOLDOUT + LARGER_PICTURES)
    assert not _of_these_images(opened(), unnamed) and not _of_these_images(opened(), named)
