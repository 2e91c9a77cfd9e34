"""What the gate made of an image is its row in the catalogue: pixels, label, conversions, and by which policy."""

from __future__ import annotations

import hashlib

import pytest

from data_checks.input_validation import judge_image_bytes
from deploy.record.intake import IngestCounts
from deploy.stores.objects.captures import CapturedImage, CaptureStore
from tasks.intake.pending import policy_digest
from tests.data_checks.pictures import encode, product
from tests.tasks.arrivals import CAPTURED_AT, capture, ingest, intact
from tests.tasks.opened import opened
from vae_core.images.preprocessing import pixel_digest

pytestmark = pytest.mark.usefixtures("configure")


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
