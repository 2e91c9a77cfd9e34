"""Verdicts of the judges, as lines of the ledger."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import pytest

from deploy.record.kind import Kind
from deploy.record.verdicts import ALARM, DATA, GATE, GOLDEN, LABELS, TRIALS
from deploy.stores.sql.ledger import Ledger
from tests.deploy.record.of_before import Told, assert_goes_on

VERDICT = {"schema_version": 1, "phase": "failed", "reason": "0.4 > limit 0.25", "evidence": []}
WRITTEN_BEFORE: dict[str, Told] = dict.fromkeys(
    ("data", "labels", "gate", "golden", "alarm", "shadow-verdict", "canary-verdict", "watch-verdict"),
    (VERDICT, "0.4 > limit 0.25"),
)


@pytest.mark.parametrize("kind", [DATA, LABELS, GATE, GOLDEN, ALARM, *TRIALS.values()], ids=attrgetter("name"))
def test_a_line_of_the_release_before_is_read_told_and_written_so_that_it_is_read_again(
    ledger: Ledger, kind: Kind[Any]
) -> None:
    assert_goes_on(ledger, kind, WRITTEN_BEFORE[kind.name])
