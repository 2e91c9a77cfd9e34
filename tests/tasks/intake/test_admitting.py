"""What comes into the catalogue: no image of a benchmark, none twice, and nothing of a source that is held."""

from __future__ import annotations

import json

import numpy as np
import pytest

from data_checks.batch import HELD
from deploy.stores import faults
from deploy.stores.objects.captures import CapturedImage, CaptureStore
from latentloop.demo.damage import encode_png
from tasks.ingest import find_new_segments, ingest_segments
from tasks.plan import plan_retrain
from tests.data_checks.pictures import product
from tests.tasks.arrivals import (
    CAPTURED_AT,
    arrive_suppliers,
    capture,
    damaged,
    ingest,
    intact,
)
from tests.tasks.opened import opened
from vae_core.images.preprocessing import pixel_digest

pytestmark = pytest.mark.usefixtures("configure")


@pytest.mark.usefixtures("small_holdout")
def test_images_of_the_hold_out_that_arrive_again_are_refused() -> None:
    arrive_suppliers(sources=10, each=30)
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


def test_an_image_of_a_benchmark_is_refused_as_leakage() -> None:
    secret = pixel_digest(product(7)[None])
    opened().digests.protect([secret], "benchmarks/old")
    capture([intact(seed) for seed in range(10)], "supplier")

    ingest()

    refused = opened().catalogue.read(["reason", "digest"], table="quarantine").to_pylist()
    assert refused == [{"reason": "leakage", "digest": secret}]
    assert opened().digests.owners([secret]) == {}
    assert secret not in opened().catalogue.read(["digest"])["digest"].to_pylist()


def test_a_batch_with_three_black_frames_in_ten_is_held_as_a_whole() -> None:
    capture([*(intact(seed) for seed in range(84)), *(damaged("black", seed) for seed in range(36))], "supplier")

    (segment,) = ingest()

    counts = opened().catalogue.counts()
    assert (counts.accepted, counts.per_reason) == (0, {"batch_held": 84, "low_variance": 36})
    (line,) = opened().ledger.entries("ingest-held")
    assert line.subject == segment
    assert json.loads(line.body)["reason"] == (
        "supplier (files): 36 of 120 were refused for low_variance (30 %, surely at least 18.07 %), "
        "`input_policy.max_refused_share = 0.01` allows 1 %"
    )
    digest = pixel_digest(product(0)[None])
    assert opened().digests.owners([digest]) == {}, "a held image may be sent again"


def test_an_image_whose_twin_was_claimed_by_a_faster_ingest_is_not_lost() -> None:
    """The other ingest takes the later segment alone, while this one counts its row as the duplicate."""
    capture([intact(seed) for seed in range(5)], "supplier")
    capture([intact(seed) for seed in range(4, 9)], "traffic")
    ((early, late),) = find_new_segments.fn(opened())
    others = [[late]]

    def race(name: str, moment: str) -> None:
        if (name, moment) == ("digests.claim", "before") and others:
            assert ingest_segments.fn(opened(), others.pop()).accepted == 5

    with faults.installed(race):
        ingest_segments.fn(opened(), [early, late])

    assert not others, "the race was never run"
    catalogue = opened().catalogue
    assert sorted(catalogue.read(["digest"])["digest"].to_pylist()) == sorted(
        pixel_digest(product(seed)[None]) for seed in range(9)
    )
    assert catalogue.counts().per_reason == {"duplicate": 1}


def replica_captures(contents: list[bytes], source: str, replica: str = "replica-a", sequence: int = 0) -> str:
    images = [CapturedImage(f"{source}-{row}", source, CAPTURED_AT, data) for row, data in enumerate(contents)]
    return CaptureStore(opened().objects).write(replica, sequence, images)


def test_a_bad_folder_holds_its_own_images_and_none_of_the_traffic_that_waits_beside_it() -> None:
    traffic = replica_captures([intact(seed) for seed in range(150)], "shop")
    capture([*(intact(seed) for seed in range(200, 284)), *(damaged("black", seed) for seed in range(36))], "odd")

    ingest()

    catalogue = opened().catalogue
    assert set(catalogue.read(["segment"])["segment"].to_pylist()) == {traffic}
    assert catalogue.counts().accepted == 150
    held = catalogue.read(["source", "reason", "detail"], table="quarantine").to_pylist()
    assert {row["source"] for row in held} == {"odd"}
    assert all(row["detail"].startswith("odd (files): 36 of 120 were ") for row in held if row["reason"] == HELD)


def test_of_one_folder_only_the_source_with_the_fault_is_held() -> None:
    images = [CapturedImage(f"a/{row}", "a", CAPTURED_AT, intact(row)) for row in range(110)]
    images += [
        CapturedImage(f"b/{row}", "b", CAPTURED_AT, damaged("black") if row < 40 else intact(200 + row))
        for row in range(110)
    ]
    CaptureStore(opened().objects).write_by_content(images)
    ingest()
    catalogue = opened().catalogue
    assert catalogue.sources() == {"a": 110}
    assert catalogue.counts().per_reason == {"low_variance": 40, HELD: 70}
