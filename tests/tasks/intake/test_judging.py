"""Captured files through the gate: each under its reason, some at once, and a file that cannot be read stops nobody."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest

from latentloop.demo.damage import encode_png
from tasks.dataset.pixels import read_pixels
from tasks.ingest import find_new_segments
from tests.data_checks.pictures import product
from tests.tasks.arrivals import capture, capture_mixed_shipment, ingest, intact
from tests.tasks.opened import opened

pytestmark = pytest.mark.usefixtures("configure")


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


def test_batches_are_bounded_in_bytes_and_end_as_one_would() -> None:
    capture_mixed_shipment()
    commits = opened().catalogue.version()
    ingest(batch_bytes=20_000)
    catalogue = opened().catalogue
    assert catalogue.version() - commits == 3
    assert (catalogue.counts().accepted, catalogue.counts().per_reason["duplicate"]) == (43, 7)
