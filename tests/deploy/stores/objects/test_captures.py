"""Segments are immutable, and the same images never make two."""

from __future__ import annotations

import hashlib
import io
import random
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pyarrow.parquet as pq
import pytest

from deploy.stores.errors import InvalidKey, ObjectMissing, PreconditionFailed, StoreCorrupt
from deploy.stores.objects.captures import CapturedImage, CaptureStore, decode_segment, encode_segment
from deploy.stores.objects.port import ObjectStore
from tests.deploy.stores.racing import PROCESSES, ObjectsAt, Racers

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def _images(count: int = 3, prefix: str = "n") -> list[CapturedImage]:
    return [CapturedImage(f"{prefix}{number}.png", "camera-1", NOW, bytes([number, 0, 255])) for number in range(count)]


@pytest.fixture
def captures(objects: ObjectStore) -> CaptureStore:
    return CaptureStore(objects)


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_a_segment_decodes_to_the_same_images_in_order(count: int) -> None:
    images = _images(min(count, 200)) * (count // 200 or 1)
    assert decode_segment(encode_segment(images)) == images


@pytest.mark.parametrize("groups", [1, 2, 5])
def test_a_large_segment_is_written_in_groups_and_read_as_one(groups: int) -> None:
    images = [replace(image, data=bytes(10)) for image in _images(10)]
    data = encode_segment(images, group_bytes=100 // groups)

    assert pq.ParquetFile(io.BytesIO(data)).num_row_groups == groups
    assert decode_segment(data) == images


def test_equal_images_give_equal_bytes() -> None:
    east = timezone(timedelta(hours=9))
    moved = [replace(image, captured_at=image.captured_at.astimezone(east)) for image in _images()]
    assert encode_segment(_images()) == encode_segment(moved)


def test_a_capture_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        encode_segment([replace(_images()[0], captured_at=datetime(2026, 3, 1))])


def test_labels_travel_with_their_images() -> None:
    images = [replace(image, label=label) for image, label in zip(_images(), ["shoe", "", "bag"], strict=True)]
    assert decode_segment(encode_segment(images)) == images


def test_a_segment_of_the_release_before_has_no_labels() -> None:
    sink = io.BytesIO()
    pq.write_table(pq.read_table(io.BytesIO(encode_segment(_images()))).drop_columns(["label"]), sink)
    assert decode_segment(sink.getvalue()) == _images()


@pytest.mark.parametrize("data", [b"", b"PAR1", b"x" * 500, encode_segment(_images())[:-20]])
def test_bytes_that_are_no_segment_are_corrupt(data: bytes) -> None:
    with pytest.raises(StoreCorrupt, match="capture again"):
        decode_segment(data)


def test_a_damaged_byte_is_noticed_or_harmless() -> None:
    images, rng = _images(20), random.Random(0)
    segment, noticed = encode_segment(images), 0
    for _ in range(500):
        damaged = bytearray(segment)
        damaged[rng.randrange(len(damaged))] ^= rng.randrange(1, 256)
        try:
            assert decode_segment(bytes(damaged)) == images
        except StoreCorrupt:
            noticed += 1
    assert noticed > 300


def test_decoding_never_breaks_the_exit_of_the_process() -> None:
    script = """
from tests.deploy.stores.objects.test_captures import _images
from deploy.stores.objects.captures import decode_segment, encode_segment
for _ in range(20):
    decode_segment(encode_segment(_images(200) * 5))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_replica_writes_a_segment_and_anybody_reads_it(captures: CaptureStore) -> None:
    key = captures.write("replica-1", 7, _images())
    assert key == "captures/requests/replica-1/000000000007.parquet"
    assert captures.read(key) == _images()
    assert captures.segments() == [key]


def test_a_segment_is_never_replaced_and_a_repeated_write_is_silent(captures: CaptureStore) -> None:
    key = captures.write("replica-1", 7, _images())
    assert captures.write("replica-1", 7, _images()) == key
    with pytest.raises(PreconditionFailed):
        captures.write("replica-1", 7, _images(prefix="other"))
    assert captures.read(key) == _images()


def test_a_folder_packed_twice_makes_one_segment(captures: CaptureStore) -> None:
    key = captures.write_by_content(_images())
    later = [replace(image, captured_at=NOW + timedelta(days=1)) for image in _images()]
    assert captures.write_by_content(later) == key
    assert captures.read(key) == _images()
    assert captures.write_by_content(_images(prefix="other")) != key
    assert len(captures.segments()) == 2


def test_images_without_labels_have_the_name_that_the_release_before_gave_them(captures: CaptureStore) -> None:
    plain = captures.write_by_content([CapturedImage("a", "b", NOW, b"c")])
    one = b"".join(len(part).to_bytes(8, "big") + part for part in (b"a", b"b", b"c"))
    assert plain == f"captures/files/{hashlib.sha256(one).hexdigest()}.parquet"
    assert captures.write_by_content([CapturedImage("a", "b", NOW, b"c", "shoe")]) != plain


def test_names_and_bytes_cannot_be_shifted_into_each_other(captures: CaptureStore) -> None:
    one = [CapturedImage("a", "bc", NOW, b"d")]
    other = [CapturedImage("ab", "c", NOW, b"d")]
    assert captures.write_by_content(one) != captures.write_by_content(other)


def test_segments_are_sorted_by_replica_and_number(captures: CaptureStore) -> None:
    written = [captures.write(replica, number, _images()) for replica in ("b", "a") for number in (10, 9)]
    assert captures.segments() == sorted(written)
    assert captures.segments()[0].endswith("a/000000000009.parquet")


def test_missing_and_misnamed_segments_are_errors(captures: CaptureStore) -> None:
    with pytest.raises(ObjectMissing):
        captures.read("captures/requests/none/000000000000.parquet")
    with pytest.raises(InvalidKey):
        captures.write("../escape", 0, _images())


def _write_in_process(at: ObjectsAt, prefix: str) -> str:
    try:
        return CaptureStore(at.open()).write("replica-1", 0, _images(prefix=prefix))
    except PreconditionFailed:
        return "lost"


def test_of_racing_replicas_with_one_name_exactly_one_writes(objects_at: ObjectsAt, racers: Racers) -> None:
    results = racers.race(_write_in_process, [(objects_at, f"p{number}") for number in range(PROCESSES)])
    assert results.count("lost") == PROCESSES - 1
