"""Arrivals that another policy judges otherwise, and what the ledger says of a segment since."""

from __future__ import annotations

import pytest

from deploy.record.intake import IngestCounts
from tests.tasks.arrivals import capture, damaged, ingest, intact
from tests.tasks.opened import forget, opened


def set_policy(monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"LATENTLOOP_INPUT_POLICY__{name.upper()}", str(value))
    opened().engine.dispose()
    forget()


def strict_arrival(monkeypatch: pytest.MonkeyPatch) -> str:
    """Twenty images, all too flat for a policy that nothing passes, a broken one and a twin of the first."""
    set_policy(monkeypatch, min_variance=0.25)
    segment = capture([*(intact(seed) for seed in range(20)), damaged("truncated"), intact(0)], "supplier")
    ingest()
    assert opened().catalogue.counts().per_reason == {"low_variance": 21, "truncated": 1}
    return segment


def newest_counts(segment: str) -> IngestCounts:
    return IngestCounts.model_validate_json(opened().ledger.entries("ingest", segment, limit=1)[0].body)
