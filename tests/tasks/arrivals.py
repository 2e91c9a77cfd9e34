"""Small arrivals for ingestion: synthetic intact images, damaged ones, and a home to ingest them into."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from deploy.stores.objects.captures import CapturedImage, CaptureStore
from latentloop.demo.damage import DAMAGES, encode_png
from tests.data_checks.pictures import product
from tests.tasks.opened import opened

SMALL_HOLDOUT = "[evaluation]\nholdout_min = 50\nholdout_share = 0.3\n"
CAPTURED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REASON_OF = {
    "truncated": "truncated",
    "garbage": "not_an_image",
    "empty": "empty_file",
    "black": "low_variance",
    "wrong size": "wrong_shape",
    "animated": "wrong_mode",
    "half a JPEG": "truncated",
    "sixty megapixels": "too_many_pixels",
}


def write_config(folder: Path, more: str = "") -> Path:
    """A settings file whose gate admits flat real images."""
    path = folder / "latentloop.toml"
    path.write_text(f"[input_policy]\nmin_variance = 0.003\n{more}")
    return path


def intact(seed: int) -> bytes:
    return encode_png(product(seed))


def damaged(kind: str, seed: int = 0) -> bytes:
    return DAMAGES[kind](product(seed), np.random.default_rng(seed))


def capture(contents: Sequence[bytes], source: str) -> str:
    """Write one segment of these files; returns its key."""
    images = [
        CapturedImage(name=f"{source}/{number:03d}.png", source=source, captured_at=CAPTURED_AT, data=data)
        for number, data in enumerate(contents)
    ]
    return CaptureStore(opened().objects).write_by_content(images)


def arrive_suppliers(sources: int, each: int, first_seed: int = 0) -> None:
    """Take in so many intact images of each of several suppliers; no two images are alike."""
    for number in range(sources):
        start = first_seed + number * each
        capture([intact(seed) for seed in range(start, start + each)], f"supplier-{first_seed}-{number:02d}")
    ingest()


def capture_mixed_shipment() -> int:
    """Three segments with every damage and with duplicates within and across them; returns the number of files."""
    segments = [
        [*(intact(seed) for seed in range(16)), damaged("black"), damaged("truncated"), intact(3), damaged("animated")],
        [*(intact(seed) for seed in range(12, 30)), damaged("garbage"), damaged("empty")],
        [
            *(intact(seed) for seed in range(28, 43)),
            *(damaged(kind, 1) for kind in ("wrong size", "half a JPEG", "black")),
        ],
    ]
    for number, contents in enumerate(segments):
        capture(contents, f"supplier-{number}")
    return sum(map(len, segments))


def ingest(**limits: int) -> list[str]:
    """The tasks of the flow, without a server; returns the segments that were taken in."""
    from tasks.ingest import find_new_segments, ingest_segments

    chunks = find_new_segments.fn(opened())
    for chunk in chunks:
        ingest_segments.fn(opened(), chunk, **limits)
    return [segment for chunk in chunks for segment in chunk]


def end_state() -> dict[str, list[str]]:
    """Everything durable that an ingest leaves, without times of writing: comparable between runs."""
    from sqlalchemy import select

    from deploy.stores.sql.schema import image_digests

    catalogue = opened().catalogue
    decided = catalogue.read(table="quarantine").drop_columns(["decided_at"])
    with opened().engine.connect() as connection:
        digests = [f"{row.digest} {row.owner}" for row in connection.execute(select(image_digests))]
    lines = [entry for entry in opened().ledger.entries(limit=1000) if entry.kind.startswith("ingest")]
    return {
        "catalogue": sorted(map(repr, catalogue.read(table="catalogue").to_pylist())),
        "quarantine": sorted(map(repr, decided.to_pylist())),
        "digests": sorted(digests),
        "ledger": sorted(f"{line.kind} {line.subject} {line.body}" for line in lines),
    }
