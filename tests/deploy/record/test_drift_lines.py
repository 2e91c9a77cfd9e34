"""One value for the monitor's line: written strictly, read kindly."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from deploy.record.drift_lines import DRIFT, DriftLine
from deploy.record.kind import Line
from deploy.stores.sql.ledger import LedgerEntry

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
# as the version before this one wrote them
WRITTEN_BEFORE = (
    '{"schema_version":1,"key":"drift-emergency-version-3-suspicion-version-3-1","champion":"3","action":"emergency",'
    '"reason":"a new kind","also":[["block","refused_low_variance 0.2 > limit 0.01"]],"snapshot":"a-snapshot",'
    '"url":"http://report","failed":["latent_code"],"new_share":0.2,"new_share_low":0.1,"needed_images":50,'
    '"window_since":"2026-01-02T03:04:05Z","at":"2026-01-02T03:04:06Z"}'
)


def read_line(body: str) -> DriftLine | None:
    entry = LedgerEntry(id=1, at=NOW, kind="drift", subject="3", body=body, key="drift:suspicion-version-3-1")
    return Line(DRIFT, entry).readable


def changed(**changes: Any) -> DriftLine | None:
    return read_line(json.dumps({**json.loads(WRITTEN_BEFORE), **changes}))


def test_a_line_of_an_older_version_is_read_whole_and_written_again_as_it_was() -> None:
    line = read_line(WRITTEN_BEFORE)
    assert line is not None
    assert line.also == (("block", "refused_low_variance 0.2 > limit 0.01"),)
    assert json.loads(line.model_dump_json()) == {**json.loads(WRITTEN_BEFORE), "digest": ""}


def test_what_a_newer_version_added_is_passed_over() -> None:
    assert changed(confidence=0.9) == read_line(WRITTEN_BEFORE)


@pytest.mark.parametrize(
    "changes",
    [{"action": "pray"}, {"key": ""}, {"new_share_low": 1.5}, {"needed_images": -1}, {"at": "2026-01-02T03:04:05"}],
)
def test_what_nobody_may_write_is_not_read_either(changes: dict[str, Any]) -> None:
    assert changed(**changes) is None
    with pytest.raises(ValidationError):
        DriftLine.model_validate({**json.loads(WRITTEN_BEFORE), **changes})


def test_a_writer_cannot_add_a_field_of_its_own() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        DriftLine.model_validate({**json.loads(WRITTEN_BEFORE), "needed": 3})


@pytest.mark.parametrize("body", ["", "[]", '{"action": 3}'])
def test_what_is_no_line_is_none(body: str) -> None:
    assert read_line(body) is None
