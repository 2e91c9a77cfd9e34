"""One value for the monitor's line: written strictly, read kindly."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

import pytest
from pydantic import ValidationError

from deploy.record.drift_lines import DRIFT, DRIFT_ACTED, DRIFT_EVENT, DriftLine
from deploy.record.kind import Kind, Line
from deploy.stores.sql.ledger import Ledger, LedgerEntry
from tests.deploy.record.of_before import Told, assert_goes_on

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WRITTEN_BEFORE: dict[str, Told] = {
    "drift": (
        {
            "key": "k",
            "champion": "7",
            "action": "emergency",
            "reason": "a new kind",
            "window_since": "2026-01-02T03:04:05Z",
            "at": "2026-01-02T03:04:05Z",
        },
        "emergency: a new kind",
    ),
    "drift-acted": ({"line": "drift:k", "action": "emergency", "reason": "emitted"}, "emergency: emitted"),
    "drift-event": (
        {
            "event": "latentloop.drift.emergency",
            "event_id": "e",
            "captured": 3,
            "needed": 2,
            "key": "k",
            "snapshot": "s",
            "url": "",
            "failed": ["latent_code"],
            "reason": "a new kind",
        },
        "a new kind",
    ),
}
# as the version before this one wrote it whole
WHOLE = (
    '{"schema_version":1,"key":"drift-emergency-version-3-suspicion-version-3-1","champion":"3","action":"emergency",'
    '"reason":"a new kind","also":[["block","refused_low_variance 0.2 > limit 0.01"]],"snapshot":"a-snapshot",'
    '"url":"http://report","failed":["latent_code"],"new_share":0.2,"new_share_low":0.1,"needed_images":50,'
    '"window_since":"2026-01-02T03:04:05Z","at":"2026-01-02T03:04:06Z"}'
)


def read_line(body: str) -> DriftLine | None:
    entry = LedgerEntry(id=1, at=NOW, kind="drift", subject="3", body=body, key="drift:suspicion-version-3-1")
    return Line(DRIFT, entry).readable


def changed(**changes: Any) -> DriftLine | None:
    return read_line(json.dumps({**json.loads(WHOLE), **changes}))


def test_a_line_of_an_older_version_is_read_whole_and_written_again_as_it_was() -> None:
    line = read_line(WHOLE)
    assert line is not None
    assert line.also == (("block", "refused_low_variance 0.2 > limit 0.01"),)
    assert json.loads(line.model_dump_json()) == {**json.loads(WHOLE), "digest": ""}


def test_what_a_newer_version_added_is_passed_over() -> None:
    assert changed(confidence=0.9) == read_line(WHOLE)


@pytest.mark.parametrize(
    "changes",
    [{"action": "pray"}, {"key": ""}, {"new_share_low": 1.5}, {"needed_images": -1}, {"at": "2026-01-02T03:04:05"}],
)
def test_what_nobody_may_write_is_not_read_either(changes: dict[str, Any]) -> None:
    assert changed(**changes) is None
    with pytest.raises(ValidationError):
        DriftLine.model_validate({**json.loads(WHOLE), **changes})


def test_a_writer_cannot_add_a_field_of_its_own() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        DriftLine.model_validate({**json.loads(WHOLE), "needed": 3})


@pytest.mark.parametrize("body", ["", "[]", '{"action": 3}'])
def test_what_is_no_line_is_none(body: str) -> None:
    assert read_line(body) is None


@pytest.mark.parametrize("kind", [DRIFT, DRIFT_ACTED, DRIFT_EVENT], ids=attrgetter("name"))
def test_a_line_of_the_release_before_is_read_told_and_written_so_that_it_is_read_again(
    ledger: Ledger, kind: Kind[Any]
) -> None:
    assert_goes_on(ledger, kind, WRITTEN_BEFORE[kind.name])
