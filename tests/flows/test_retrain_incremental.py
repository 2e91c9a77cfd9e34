"""An incremental training that is refused: one clear line, and the trigger closed with it."""

from __future__ import annotations

import pytest

from flows.retrain_incremental import retrain_incremental
from tasks.errors import NoChampion, SnapshotMissing
from tests.tasks.opened import opened

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("installation")]


def test_an_incremental_training_before_the_first_champion_is_one_line() -> None:
    with pytest.raises(NoChampion, match=r"run the full tier first$"):
        retrain_incremental(key="by-hand-1", reason="by hand", cause="by hand")
    trigger = opened().ledger.get_trigger("by-hand-1")
    assert trigger is not None and trigger.state == "failed"
    assert trigger.result is not None and trigger.result.endswith("run the full tier first")


def test_a_drift_whose_report_is_gone_is_a_trigger_of_this_tier() -> None:
    with pytest.raises(SnapshotMissing, match=r"^drift-retrain-incremental-gone: "):
        retrain_incremental(reason="drift", cause="drift", snapshot="gone")
    trigger = opened().ledger.get_trigger("drift-retrain-incremental-gone")
    assert trigger is not None and trigger.state == "failed"
