"""Copies of held-out images among the others are found, named, and never trained on."""

from __future__ import annotations

import pytest

from latentloop.demo.damage import encode_png
from tasks.dataset.images import benchmark_digests
from tasks.plan import plan_retrain, validate_plan
from tests.data_checks.near_duplicates.copies import brightened
from tests.data_checks.pictures import encode, product
from tests.tasks.arrivals import capture, ingest
from tests.tasks.conftest import Configure
from tests.tasks.opened import opened

pytestmark = pytest.mark.usefixtures("small_holdout")


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
