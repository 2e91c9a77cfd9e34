"""What a retraining needs before it is planned: a snapshot where drift asks, a champion, one key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.errors import NoChampion, SnapshotMissing
from tasks.plan import name_trigger, plan_retrain, require_snapshot
from tests.tasks.opened import opened
from tests.tasks.season import settled

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]


@pytest.mark.parametrize(
    ("cause", "snapshot"), [("drift", None), ("drift", ""), ("drift", "gone"), ("by hand", "../x")]
)
def test_a_retraining_for_drift_without_its_stored_snapshot_is_refused_on_record(
    home: Path, cause: str, snapshot: str | None
) -> None:
    with pytest.raises(SnapshotMissing, match=r"^drift-9: .*expects its Evidently snapshot at snapshots/.*found none"):
        require_snapshot.fn(opened(), "drift-9", cause, snapshot)
    (line,) = opened().ledger.entries("retrain-refused", "drift-9")
    assert "Evidently snapshot" in json.loads(line.body)["reason"]


@pytest.mark.parametrize("cause", ["schedule", "by hand"])
def test_a_retraining_that_nobody_calls_drift_needs_no_snapshot(home: Path, cause: str) -> None:
    require_snapshot.fn(opened(), "weekly", cause, None)
    assert opened().ledger.entries("retrain-refused") == []


@pytest.mark.parametrize("tier", ["incremental", "emergency"])
def test_without_a_champion_these_tiers_say_what_to_run_first(tmp_path: Path, mlflow_url: str, tier: str) -> None:
    with (
        settled(tmp_path / "fresh", mlflow_url),
        pytest.raises(NoChampion, match=rf"^{tier}: expected a champion .*run the full tier first$"),
    ):
        plan_retrain.fn(opened(), "one", tier, "by hand", "by hand")


def test_the_same_drift_has_one_key_and_a_given_key_wins() -> None:
    assert name_trigger(opened(), None, "retrain-emergency", "snap-1") == "drift-retrain-emergency-snap-1"
    assert name_trigger(opened(), "mine", "retrain-emergency", "snap-1") == "mine"
