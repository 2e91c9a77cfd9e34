"""A line is read kindly, and one that cannot be read says which one it is and hides no other."""

from __future__ import annotations

import json

import pytest

from data_checks.verdict import Phase, Verdict
from deploy.record.verdicts import GATE
from deploy.stores.errors import StoreCorrupt
from deploy.stores.sql.ledger import Ledger
from tests.deploy.record.of_before import NOW

VERDICT = {"schema_version": 1, "phase": "failed", "reason": "0.4 > limit 0.25", "evidence": []}


def test_what_a_newer_release_added_is_passed_over_at_any_depth(ledger: Ledger) -> None:
    evidence = {"name": "psnr", "value": 1.0, "limit": None, "unit": "dB", "direction": "higher", "p_value": 0.5}
    newer = {**VERDICT, "evidence": [evidence], "confidence": 0.9}
    ledger.record(GATE.name, "full-1", json.dumps(newer), NOW)

    line = GATE.newest(ledger, "full-1")

    assert line is not None
    assert line.body.evidence[0].name == "psnr"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "the line: Invalid JSON"),
        ("[]", "the line: Input should be an object"),
        (json.dumps(VERDICT | {"phase": "great"}), "phase: Input should be 'passed', 'inconclusive'"),
    ],
)
def test_a_line_that_cannot_be_read_says_which_one_it_is_and_hides_no_other(
    ledger: Ledger, body: str, says: str
) -> None:
    GATE.write(ledger, "full-1", Verdict(phase=Phase.passed, reason="better"), NOW)
    ledger.record(GATE.name, "full-1", body, NOW)

    broken, whole = GATE.lines(ledger, "full-1", limit=2)

    with pytest.raises(StoreCorrupt) as raised:
        _ = broken.body
    assert str(raised.value).startswith(f"ledger: line {broken.id} of kind gate about full-1: {says}")
    assert broken.readable is None
    assert whole.body.reason == "better"
