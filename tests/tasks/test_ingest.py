from __future__ import annotations

import hashlib
import json
import zlib
from collections import Counter

import numpy as np
import pytest

from data_checks.batch import HELD
from data_checks.input_gate import judge_image_bytes
from deploy.record.intake import IngestCounts
from deploy.stores import faults
from deploy.stores.objects.captures import CapturedImage, CaptureStore
from latentloop.demo.damage import DAMAGES, encode_png
from tasks.dataset.pixels import read_pixels
from tasks.ingest import find_new_segments, ingest_segments
from tasks.intake.pending import policy_digest
from tests.data_checks.pictures import encode, product
from tests.tasks.arrivals import CAPTURED_AT, REASON_OF, capture, capture_mixed_shipment, damaged, ingest, intact
from tests.tasks.conftest import Configure
from tests.tasks.opened import opened
from vae_core.images.preprocessing import pixel_digest

pytestmark = pytest.mark.usefixtures("configure")


def test_every_kind_of_damage_is_counted_under_its_reason() -> None:
    expected = Counter({"duplicate": 2})
    contents = [intact(seed) for seed in range(20)] + [intact(4), intact(4)]
    for number, kind in enumerate(DAMAGES, start=1):
        contents += [damaged(kind, seed) for seed in range(number)]
        expected[REASON_OF[kind]] += number
    capture(contents, "supplier")

    (chunk,) = find_new_segments.fn(opened())
    counts = ingest_segments.fn(opened(), chunk)

    assert (counts.received, counts.accepted, counts.reasons) == (len(contents), 20, dict(expected))
    assert opened().catalogue.counts().per_reason == expected
    assert counts.accepted + counts.quarantined == counts.received


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


def test_an_unreadable_segment_is_on_record_and_does_not_stop_the_others() -> None:
    broken = "captures/files/broken.parquet"
    opened().objects.put(broken, b"no parquet")
    good = capture([intact(seed) for seed in range(5)], "supplier")

    assert set(ingest()) == {broken, good}

    assert opened().catalogue.counts().accepted == 5
    (line,) = opened().ledger.entries("ingest-unreadable")
    assert line.subject == broken
    assert "expected Parquet" in json.loads(line.body)["reason"]
    assert find_new_segments.fn(opened()) == [[broken]]


def test_nothing_new_is_no_work() -> None:
    assert find_new_segments.fn(opened()) == []
    capture([intact(seed) for seed in range(5)], "supplier")
    ingest()
    version = opened().catalogue.version()
    assert find_new_segments.fn(opened()) == []
    assert opened().catalogue.version() == version


def test_images_that_arrive_between_a_kill_and_the_restart_do_not_change_what_was_decided(
    configure: Configure,
) -> None:
    """The restart judges a larger batch, which is held; the first segment's quarantine is committed already."""

    class Killed(BaseException):
        pass

    def kill(name: str, moment: str) -> None:
        if (name, moment) == ("catalogue.append", "before"):
            raise Killed

    first = capture([intact(seed) for seed in range(20)], "first")
    with faults.installed(kill), pytest.raises(Killed):
        ingest()
    second = capture(
        [*(intact(seed) for seed in range(10, 94)), *(damaged("black", seed) for seed in range(36))], "second"
    )

    ingest()

    catalogue = opened().catalogue
    assert set(catalogue.read(["segment"])["segment"].to_pylist()) == {first}
    counts = catalogue.counts()
    assert (counts.accepted, counts.quarantined) == (20, 120)
    (line,) = opened().ledger.entries("ingest", second)
    assert json.loads(line.body)["accepted"] == 0


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


def test_pixels_in_the_catalogue_are_those_that_the_gate_decoded_bit_for_bit_with_the_original_named() -> None:
    segment = capture([intact(seed) for seed in range(5)], "supplier")
    ingest()
    rows = opened().catalogue.read().to_pylist()
    for seed, row in enumerate(rows):
        gate = judge_image_bytes(intact(seed), opened().settings.preprocessing, opened().settings.input_policy)
        assert gate.pixels is not None and row["pixels"] == gate.pixels.tobytes()
        assert row["digest"] == pixel_digest(gate.pixels)
        assert row["original"] == hashlib.sha256(intact(seed)).hexdigest()
        assert (row["segment"], row["conversions"], row["vouched"], row["label"]) == (segment, "", "", "")
        assert row["preprocessing"] == opened().settings.preprocessing.digest and row["policy"] == policy_digest(
            opened()
        )


def with_large_profile(picture: np.ndarray) -> bytes:
    """A PNG whose colour profile unpacks to two megabytes."""
    whole = encode_png(picture)
    body = b"iCCP" + b"p\x00\x00" + zlib.compress(bytes(2**21))
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    return whole[:33] + chunk + whole[33:]  # behind signature and header


def test_what_the_gate_accepts_can_be_trained_on_whatever_else_is_in_its_file() -> None:
    """A colour profile that unpacks to more than a megabyte: Pillow refuses to open such a file a second time."""
    capture([with_large_profile(product(3)), *(intact(seed) for seed in range(4, 8))], "supplier")
    ingest()
    catalogue = opened().catalogue
    if not catalogue.counts().per_reason:
        rows = catalogue.read(["segment", "row"])
        pixels = read_pixels(catalogue, catalogue.version(), rows, opened().settings.preprocessing)
        assert np.array_equal(pixels[:, 0], [product(seed) for seed in range(3, 8)])
    assert catalogue.counts().accepted + catalogue.counts().quarantined == 5


def test_labels_and_conversions_travel_into_the_catalogue_and_the_counts() -> None:
    files = [intact(0), encode(product(1), mode="RGBA"), intact(2)]
    images = [CapturedImage(str(row), "s", CAPTURED_AT, files[row], "shoe" if row else "") for row in range(3)]
    segment = CaptureStore(opened().objects).write_by_content(images)
    ingest()
    table = opened().catalogue.read(["label", "conversions"])
    assert table["label"].to_pylist() == ["", "shoe", "shoe"]
    assert table["conversions"].to_pylist() == ["", "opaque alpha left out, colour to grey", ""]
    (line,) = opened().ledger.entries("ingest", segment)
    counts = IngestCounts.model_validate_json(line.body)
    assert (counts.received, counts.accepted, counts.converted, counts.quarantined) == (3, 2, 1, 0)


def test_batches_are_bounded_in_bytes_and_end_as_one_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.ingest.BATCH_BYTES", 20_000)
    capture_mixed_shipment()
    commits = opened().catalogue.version()
    ingest()
    catalogue = opened().catalogue
    assert catalogue.version() - commits == 3
    assert (catalogue.counts().accepted, catalogue.counts().per_reason["duplicate"]) == (43, 7)
