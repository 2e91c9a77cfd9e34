from __future__ import annotations

import json

import pytest

from deploy.stores.digests import DigestIndex
from deploy.stores.ledger import Ledger
from latentloop.demo.damage import encode_png
from tasks.benchmarks import _require_same_images
from tasks.context import engine, objects, settings
from tasks.errors import DataRefused, ImagesChanged, NotEnoughData
from tasks.images import benchmark_digests, read_benchmark
from tasks.plan import plan_retrain, validate_plan
from tasks.rows import fix_rows, training_rows
from tasks.values import BenchmarkSet
from tests.data_checks.near_duplicates.copies import brightened
from tests.data_checks.pictures import encode, product
from tests.tasks.arrivals import capture, ingest, intact
from tests.tasks.conftest import Configure

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

    plan = plan_retrain.fn("one", "full", "first")
    validate_plan.fn(plan)

    manifest = json.loads(objects().get(f"{plan.benchmark.prefix}/manifest.json").data)
    rows = training_rows(settings().open_catalogue(), plan, ["digest"])
    assert 50 <= plan.benchmark.n == len(manifest["digests"]) <= 90
    assert plan.twins is not None and plan.twins.n <= 3, "two boxes in one place may look alike"
    assert plan.n_training == rows.num_rows == 300 - plan.benchmark.n - plan.twins.n
    assert not set(plan.sources) & set(plan.benchmark.sources)
    assert not set(rows["digest"].to_pylist()) & set(manifest["digests"])
    assert DigestIndex(engine()).protected(manifest["digests"]) == set(manifest["digests"])
    assert read_benchmark(objects(), plan.benchmark, 1_000).shape == (plan.benchmark.n, 1, 28, 28)


def test_a_flat_folder_of_three_hundred_images_splits_and_no_copy_of_a_held_out_one_is_trained_on(
    configure: Configure,
) -> None:
    configure()
    originals = [product(seed) for seed in range(300)]
    capture([encode_png(each) for each in originals], "folder")
    ingest()
    first = plan_retrain.fn("one", "full", "first")
    assert (first.benchmark.n, first.n_training, first.benchmark.sources) == (60, 240, ())
    assert first.benchmark.cut.startswith("60 of 300 images (20%) in 60 groups of look-alikes: of 1 source none can be")

    held = set(benchmark_digests(objects(), first.benchmark.prefix))
    rows = settings().open_catalogue().read(["digest", "name"]).to_pylist()
    chosen = [int(row["name"][-7:-4]) for row in rows if row["digest"] in held]
    capture([encode(originals[number], "JPEG", quality=80) for number in chosen[:20]], "later")
    capture([encode_png(brightened(originals[number][None])[0]) for number in chosen[20:40]], "later still")
    ingest()
    second = plan_retrain.fn("two", "full", "second")
    validate_plan.fn(second)

    assert second.benchmark == first.benchmark and second.n_training == 240
    assert second.twins is not None and second.twins.n == 40 and len(second.twins.named) == 5
    assert second.twins.named[0].startswith("later") and " of folder/" in second.twins.named[0]


def test_the_second_plan_has_the_same_hold_out_though_the_catalogue_grew() -> None:
    _arrive(sources=10, each=30)
    first = plan_retrain.fn("one", "full", "first")
    _arrive(sources=4, each=30, first_seed=1_000)

    second = plan_retrain.fn("two", "full", "second")

    assert second.benchmark == first.benchmark
    assert second.n_training == first.n_training + 120
    assert len(Ledger(engine()).entries("benchmark", "old")) == 1


def test_a_plan_that_was_made_is_not_made_again() -> None:
    _arrive(sources=10, each=30)
    first = plan_retrain.fn("one", "full", "first")
    _arrive(sources=1, each=30, first_seed=1_000)
    assert plan_retrain.fn("one", "full", "first") == first


def test_images_of_the_hold_out_that_arrive_again_are_refused() -> None:
    _arrive(sources=10, each=30)
    plan = plan_retrain.fn("one", "full", "first")
    before = settings().open_catalogue().counts()
    rows = settings().open_catalogue().read(["source", "image"]).to_pylist()
    again = [row["image"] for row in rows if row["source"] in plan.benchmark.sources]
    capture(again, "a stranger")

    ingest()

    after = settings().open_catalogue().counts()
    assert after.accepted == before.accepted
    assert after.per_reason == {"leakage": len(again)}
    assert "a stranger" not in plan_retrain.fn("two", "full", "second").sources


def test_an_empty_catalogue_says_what_to_run() -> None:
    with pytest.raises(NotEnoughData, match=r"^the catalogue is empty: .*latentloop ingest FOLDER"):
        plan_retrain.fn("one", "full", "first")


def test_too_few_images_to_hold_some_out_are_one_clear_line() -> None:
    _arrive(sources=10, each=20)
    with pytest.raises(
        NotEnoughData,
        match=r"^200 images are in the catalogue: expected at least 250, .*evaluation.holdout_share = 0.3",
    ) as caught:
        plan_retrain.fn("one", "full", "first")
    assert "\n" not in str(caught.value)
    assert Ledger(engine()).entries("benchmark", "old") == [], "nothing is held back that could be trained on later"


LARGER = "[preprocessing]\nheight = 32\nwidth = 32\n[training.model]\nvariant = 'vq_vae'\nheight = 32\nwidth = 32\n"
RESIZED = '[preprocessing]\nfit = "stretch"\n'


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (LARGER, r"^benchmark_old holds images of \(1, 28, 28\) .* make them \(1, 32, 32\) .*new product name$"),
        (RESIZED, r"^benchmark_old holds images by another fit, .* with fit = 'stretch': .*new product name$"),
    ],
)
def test_images_made_otherwise_than_the_frozen_ones_are_refused_before_anything_is_planned(
    configure: Configure, changed: str, words: str
) -> None:
    _arrive(sources=10, each=30)
    plan_retrain.fn("one", "full", "first")
    configure(SMALL + changed)
    with pytest.raises(ImagesChanged, match=words) as caught:
        plan_retrain.fn("two", "full", "second")
    assert "\n" not in str(caught.value)
    assert objects().etag("runs/two/plan.json") is None


def test_a_hold_out_that_was_frozen_before_its_preprocessing_was_kept_is_known_by_its_shape(
    configure: Configure,
) -> None:
    _arrive(sources=10, each=30)
    cut = plan_retrain.fn("one", "full", "first").benchmark
    old_file = BenchmarkSet.model_validate(cut.model_dump(exclude={"preprocessing"}))
    assert cut.preprocessing == settings().preprocessing.digest and old_file.preprocessing is None
    _require_same_images(old_file)
    configure(SMALL + LARGER)
    with pytest.raises(ImagesChanged):
        _require_same_images(old_file)


def test_images_that_another_run_held_out_after_the_plan_are_left_out_until_the_training_has_begun() -> None:
    _arrive(sources=10, each=40)
    catalogue = settings().open_catalogue()
    plan = plan_retrain.fn("one", "full", "first")
    before = training_rows(catalogue, plan, [])["digest"].to_pylist()
    index = DigestIndex(engine())
    index.protect(before[:7], "benchmarks/new-of-another-run")

    validate_plan.fn(plan)
    assert training_rows(catalogue, plan, [])["digest"].to_pylist() == before[7:]
    assert fix_rows(catalogue, plan).digests == tuple(sorted(before[:7]))

    index.protect(before[7:9], "benchmarks/new-of-a-third-run")
    validate_plan.fn(plan)
    assert training_rows(catalogue, plan, [])["digest"].to_pylist() == before[7:], "its checkpoints saw these rows"
    assert fix_rows(catalogue, plan).digests == tuple(sorted(before[:7]))


def test_an_image_of_the_plans_own_benchmark_among_its_rows_is_refused() -> None:
    _arrive(sources=10, each=30)
    plan = plan_retrain.fn("one", "full", "first")
    leaking = plan.model_copy(update={"sources": (*plan.sources, *plan.benchmark.sources), "held_back": ()})
    with pytest.raises(DataRefused, match=rf"^{plan.benchmark.n} training images belong to a benchmark of this plan"):
        validate_plan.fn(leaking)
