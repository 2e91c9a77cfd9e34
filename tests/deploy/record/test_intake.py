"""What was taken in, held or decided in the quarantine, as lines of the ledger."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import pytest

from deploy.record.intake import INGEST, INGEST_HELD, INGEST_UNREADABLE, QUARANTINE_DISCARDED, QUARANTINE_RELEASED
from deploy.record.kind import Kind
from deploy.stores.sql.ledger import Ledger
from tests.deploy.record.of_before import Told, assert_goes_on

WRITTEN_BEFORE: dict[str, Told] = {
    "ingest": ({"received": 3, "accepted": 2, "converted": 0, "quarantined": 1}, "2 of 3 images accepted"),
    "ingest-unreadable": ({"reason": "no Parquet"}, "no Parquet"),
    "ingest-held": ({"reason": "3 of 4 are black", "segments": ["s1"]}, "3 of 4 are black"),
    "quarantine-released": ({"reason": "1 images: fine", "images": 1, "segments": ["s1"]}, "1 images: fine"),
    "quarantine-discarded": ({"reason": "1 images: no", "images": 1, "segments": ["s1"]}, "1 images: no"),
}


@pytest.mark.parametrize(
    "kind", [INGEST, INGEST_UNREADABLE, INGEST_HELD, QUARANTINE_RELEASED, QUARANTINE_DISCARDED], ids=attrgetter("name")
)
def test_a_line_of_the_release_before_is_read_told_and_written_so_that_it_is_read_again(
    ledger: Ledger, kind: Kind[Any]
) -> None:
    assert_goes_on(ledger, kind, WRITTEN_BEFORE[kind.name])
