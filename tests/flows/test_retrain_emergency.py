"""An emergency that is refused: one clear line, no second try, nothing ingested, and the trigger closed with it."""

from __future__ import annotations

import pytest

from flows.retrain_emergency import retrain_emergency
from tasks.errors import NoChampion, SnapshotMissing
from tests.tasks.opened import opened

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("installation")]


def test_a_drift_whose_report_is_gone_retrains_nothing() -> None:
    with pytest.raises(SnapshotMissing, match=r"^drift-retrain-emergency-gone: .*snapshots/gone/snapshot\.json"):
        retrain_emergency(reason="drift", cause="drift", snapshot="gone")

    (line,) = opened().ledger.entries("retrain-refused", "drift-retrain-emergency-gone")
    assert "found none" in line.body
    trigger = opened().ledger.get_trigger("drift-retrain-emergency-gone")
    assert trigger is not None
    assert trigger.state == "failed", "a report that is gone does not come back: the next drift has a key of its own"
    assert trigger.result is not None and "found none" in trigger.result


def test_an_emergency_before_the_first_champion_is_one_line() -> None:
    with pytest.raises(NoChampion, match=r"run the full tier first$"):
        retrain_emergency(key="by-hand-1", reason="by hand", cause="by hand")
    trigger = opened().ledger.get_trigger("by-hand-1")
    assert trigger is not None and trigger.state == "failed"
    assert trigger.result is not None and trigger.result.endswith("run the full tier first")
