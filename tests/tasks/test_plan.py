from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from deploy.record.holdouts import BenchmarkSet
from deploy.stores.catalogue_rows import CatalogueRow
from deploy.stores.objects.captures import CaptureStore
from latentloop.demo.damage import encode_png
from tasks.dataset.benchmarks import _of_these_images
from tasks.dataset.images import benchmark_digests, read_benchmark
from tasks.dataset.rows import count_below_policy, fix_rows, planned_rows, training_rows
from tasks.errors import DataRefused, NotEnoughData, PlanOutdated
from tasks.plan import plan_retrain, validate_plan
from tasks.run.steps import finish_step
from tests.data_checks.near_duplicates.copies import brightened
from tests.data_checks.pictures import encode, product
from tests.tasks.arrivals import CAPTURED_AT, capture, ingest, intact
from tests.tasks.conftest import Configure
from tests.tasks.opened import forget, opened
from vae_core.images.preprocessing import Preprocessing

SMALL = "[evaluation]\nholdout_min = 50\nholdout_share = 0.3\n"


@pytest.fixture(autouse=True)
def small_holdout(configure: Configure) -> None:
    configure(SMALL)


def _arrive(sources: int, each: int, first_seed: int = 0) -> None:
    for number in range(sources):
        start = first_seed + number * each
        capture([intact(seed) for seed in range(start, start + each)], f"supplier-{first_seed}-{number:02d}")
    ingest()


def test_the_hold_out_is_cut_once_and_shares_neither_source_nor_image_with_the_training() -> None:
    _arrive(sources=10, each=30)

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


def test_a_flat_folder_of_three_hundred_images_splits_and_no_copy_of_a_held_out_one_is_trained_on(
    configure: Configure,
) -> None:
    configure()
    originals = [product(seed) for seed in range(300)]
    capture([encode_png(each) for each in originals], "folder")
    ingest()
    first = plan_retrain.fn(opened(), "one", "full", "first")
    assert (first.benchmark.n, first.n_training, first.benchmark.sources) == (60, 240, ())
    assert first.benchmark.cut.startswith("60 of 300 images (20%) in 60 groups of look-alikes: of 1 source none can be")

    held = set(benchmark_digests(opened().objects, first.benchmark.prefix))
    rows = opened().catalogue.read(["digest", "name"]).to_pylist()
    chosen = [int(row["name"][-7:-4]) for row in rows if row["digest"] in held]
    capture([encode(originals[number], "JPEG", quality=80) for number in chosen[:20]], "later")
    capture([encode_png(brightened(originals[number][None])[0]) for number in chosen[20:40]], "later still")
    ingest()
    second = plan_retrain.fn(opened(), "two", "full", "second")
    validate_plan.fn(opened(), second)

    assert second.benchmark == first.benchmark and second.n_training == 240
    assert second.twins is not None and second.twins.n == 40 and len(second.twins.named) == 5
    assert second.twins.named[0].startswith("later") and " of folder/" in second.twins.named[0]


def test_the_second_plan_has_the_same_hold_out_though_the_catalogue_grew() -> None:
    _arrive(sources=10, each=30)
    first = plan_retrain.fn(opened(), "one", "full", "first")
    _arrive(sources=4, each=30, first_seed=1_000)

    second = plan_retrain.fn(opened(), "two", "full", "second")

    assert second.benchmark == first.benchmark
    assert second.n_training == first.n_training + 120
    assert len(opened().ledger.entries("benchmark", "old")) == 1


def test_a_plan_that_was_made_is_not_made_again() -> None:
    _arrive(sources=10, each=30)
    first = plan_retrain.fn(opened(), "one", "full", "first")
    _arrive(sources=1, each=30, first_seed=1_000)
    assert plan_retrain.fn(opened(), "one", "full", "first") == first


def test_images_of_the_hold_out_that_arrive_again_are_refused() -> None:
    _arrive(sources=10, each=30)
    plan = plan_retrain.fn(opened(), "one", "full", "first")
    before = opened().catalogue.counts()
    rows = opened().catalogue.read(["source", "pixels"]).to_pylist()
    held_out = [row["pixels"] for row in rows if row["source"] in plan.benchmark.sources]
    again = [encode_png(np.frombuffer(pixels, np.uint8).reshape(28, 28)) for pixels in held_out]
    capture(again, "a stranger")

    ingest()

    after = opened().catalogue.counts()
    assert after.accepted == before.accepted
    assert after.per_reason == {"leakage": len(again)}
    assert "a stranger" not in plan_retrain.fn(opened(), "two", "full", "second").sources


def test_an_empty_catalogue_says_what_to_run() -> None:
    with pytest.raises(NotEnoughData, match=r"^the catalogue is empty: .*latentloop ingest FOLDER"):
        plan_retrain.fn(opened(), "one", "full", "first")


def test_too_few_images_to_hold_some_out_are_one_clear_line() -> None:
    _arrive(sources=10, each=20)
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
    _arrive(sources=10, each=40)  # those that the first one holds out stay held out
    first = plan_retrain.fn(opened(), "one", "full", "first").benchmark
    configure(SMALL + changed)
    ingest()
    second = plan_retrain.fn(opened(), "two", "full", "second").benchmark
    assert second.prefix != first.prefix and second.preprocessing == opened().settings.preprocessing.digest
    assert read_benchmark(opened().objects, second, 1).shape[1:] == shape
    assert plan_retrain.fn(opened(), "three", "full", "again").benchmark == second
    configure(SMALL)
    assert plan_retrain.fn(opened(), "four", "full", "back again").benchmark == first


@pytest.mark.parametrize("named", [True, False], ids=["changed since", "made by 0.1.0"])
def test_a_plan_on_the_catalogue_of_another_preprocessing_ends_and_never_reads_todays(
    configure: Configure, named: bool
) -> None:
    _arrive(sources=10, each=30)
    plan = plan_retrain.fn(opened(), "one", "full", "first")
    key = "one"
    if named:
        configure(SMALL + RESIZED)
    else:
        key = "old"
        finish_step(opened().objects, key, "plan", plan.model_copy(update={"catalogue": "", "key": key}))
    with pytest.raises(PlanOutdated, match=r"^\w+ was planned on catalogue .*the next one begins anew") as caught:
        plan_retrain.fn(opened(), key, "full", "first")
    assert caught.value.final and "\n" not in str(caught.value)


def test_rows_that_todays_policy_would_refuse_are_left_out_and_counted_and_the_training_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _arrive(sources=10, each=30)
    before = plan_retrain.fn(opened(), "one", "full", "first")
    table = opened().catalogue.read(["source", "variance"])
    trained_on = [row["variance"] for row in table.to_pylist() if row["source"] in before.sources]
    least = sorted(trained_on)[3]
    monkeypatch.setenv("LATENTLOOP_INPUT_POLICY__MIN_VARIANCE", repr(least))
    forget()

    plan = plan_retrain.fn(opened(), "two", "full", "second")
    validate_plan.fn(opened(), plan)

    assert (plan.below_policy, plan.n_training) == (3, before.n_training - 3)
    (line, *_) = opened().ledger.entries("data", "two")
    assert '"phase":"passed"' in line.body


def test_what_a_person_vouched_for_is_trained_on_against_the_policy() -> None:
    _arrive(sources=10, each=30)
    segment = CaptureStore(opened().objects).segments()[0]
    flat = CatalogueRow("f" * 64, "extra", segment, 9_999, CAPTURED_AT, "flat", 28, 28, 1, 0.5, 0.0, 0.0, b"\x80" * 784)
    catalogue = opened().catalogue
    catalogue.append_accepted([replace(flat, vouched="a white page")], [segment], {segment: 1})
    plan = plan_retrain.fn(opened(), "one", "full", "first").model_copy(update={"min_variance": 1e-4})
    assert plan.benchmark.sources and "extra" not in plan.benchmark.sources
    validate_plan.fn(opened(), plan)
    assert "f" * 64 in planned_rows(opened(), catalogue, plan, [])["digest"].to_pylist()
    assert count_below_policy(catalogue, plan) == 0


def test_rows_that_are_not_fit_to_train_on_are_named_with_what_is_wrong_with_them() -> None:
    _arrive(sources=10, each=30)
    segment, catalogue = CaptureStore(opened().objects).segments()[0], opened().catalogue
    bright = CatalogueRow("f" * 64, "extra", segment, 9_999, CAPTURED_AT, "x", 28, 28, 1, 1.5, 0.1, 2.0, b"\x80" * 784)
    catalogue.append_accepted([bright], [segment], {segment: 1})
    plan = plan_retrain.fn(opened(), "one", "full", "first")
    said = (
        rf"^catalogue version {plan.catalogue_version} is not fit to train on: 1 of {plan.n_training} rows fail "
        r"expect_column_values_to_be_between: mean: expected min_value=0\.0, max_value=1\.0, came 1\.5$"
    )
    with pytest.raises(DataRefused, match=said):
        validate_plan.fn(opened(), plan)


def test_a_hold_out_of_the_release_before_is_that_of_the_images_that_are_the_same_today(configure: Configure) -> None:
    _arrive(sources=10, each=30)
    cut = plan_retrain.fn(opened(), "one", "full", "first").benchmark
    unnamed = BenchmarkSet.model_validate(cut.model_dump(exclude={"preprocessing"}))
    schema_1 = Preprocessing.model_validate({"schema_version": 1, "channels": 1, "height": 28, "width": 28})
    named = cut.model_copy(update={"preprocessing": schema_1.digest})
    assert cut.preprocessing == opened().settings.preprocessing.digest and unnamed.preprocessing is None
    assert _of_these_images(opened(), unnamed) and _of_these_images(opened(), named)
    configure(SMALL + LARGER_PICTURES)
    assert not _of_these_images(opened(), unnamed) and not _of_these_images(opened(), named)


def test_images_that_another_run_held_out_after_the_plan_are_left_out_until_the_training_has_begun() -> None:
    _arrive(sources=10, each=40)
    catalogue = opened().catalogue
    plan = plan_retrain.fn(opened(), "one", "full", "first")
    before = training_rows(opened(), catalogue, plan, [])["digest"].to_pylist()
    index = opened().digests
    index.protect(before[:7], "benchmarks/new-of-another-run")

    validate_plan.fn(opened(), plan)
    assert training_rows(opened(), catalogue, plan, [])["digest"].to_pylist() == before[7:]
    assert fix_rows(opened(), catalogue, plan).digests == tuple(sorted(before[:7]))

    index.protect(before[7:9], "benchmarks/new-of-a-third-run")
    validate_plan.fn(opened(), plan)
    assert training_rows(opened(), catalogue, plan, [])["digest"].to_pylist() == before[7:], (
        "its checkpoints saw these rows"
    )
    assert fix_rows(opened(), catalogue, plan).digests == tuple(sorted(before[:7]))


def test_an_image_of_the_plans_own_benchmark_among_its_rows_is_refused() -> None:
    _arrive(sources=10, each=30)
    plan = plan_retrain.fn(opened(), "one", "full", "first")
    leaking = plan.model_copy(update={"sources": (*plan.sources, *plan.benchmark.sources), "held_back": ()})
    with pytest.raises(DataRefused, match=rf"^{plan.benchmark.n} training images belong to a benchmark of this plan"):
        validate_plan.fn(opened(), leaking)
