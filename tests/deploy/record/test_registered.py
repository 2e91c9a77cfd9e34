"""The line of a registered version: found by its number and its digest together, also as a release before wrote it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

import pytest

from deploy.record.kind import Kind
from deploy.record.registered import REGISTERED, RegisteredLine, read_registered, record_registered
from deploy.stores.sql.ledger import Ledger
from tests.deploy.record.of_before import Told, assert_goes_on
from tests.deploy.serving.house import House

AT = datetime(2026, 3, 1, tzinfo=UTC)
LINE = RegisteredLine(digest="d7", benchmark="passed", reason="better on both sets")
WRITTEN_BEFORE: dict[str, Told] = {
    "registered": ({"digest": "d7", "benchmark": "passed", "reason": "better"}, "better"),
}


@pytest.fixture
def ledger(house: House) -> Ledger:
    return Ledger(house.engine)


def test_a_version_is_found_by_number_and_digest_together(ledger: Ledger) -> None:
    record_registered(ledger, "7", LINE, "weekly-1", AT)
    assert read_registered(ledger, "7", "d7") == LINE
    assert read_registered(ledger, "7", "another") is None, "the number alone names nothing"
    assert read_registered(ledger, "8", "d7") is None, "a copy of the digest under another number was made elsewhere"


def test_a_run_that_is_repeated_writes_its_line_once(ledger: Ledger) -> None:
    for _ in range(2):
        record_registered(ledger, "7", LINE, "weekly-1", AT)
    assert len(ledger.entries("registered", "7")) == 1


def test_the_newest_line_of_a_digest_counts(ledger: Ledger) -> None:
    record_registered(ledger, "7", LINE, "weekly-1", AT)
    record_registered(ledger, "7", LINE.model_copy(update={"benchmark": "failed"}), "by hand", AT)
    found = read_registered(ledger, "7", "d7")
    assert found is not None and found.benchmark == "failed"


def test_a_line_of_the_release_before_is_read(ledger: Ledger) -> None:
    body = {"digest": "d7", "benchmark": "failed", "reason": "not judged by the gate", "who": "somebody@here"}
    ledger.record("registered", "7", json.dumps(body), AT, key="registered:weekly-1")
    assert read_registered(ledger, "7", "d7") == RegisteredLine(**body)


@pytest.mark.parametrize("kind", [REGISTERED], ids=attrgetter("name"))
def test_a_line_of_the_release_before_is_read_told_and_written_so_that_it_is_read_again(
    ledger: Ledger, kind: Kind[Any]
) -> None:
    assert_goes_on(ledger, kind, WRITTEN_BEFORE[kind.name])
