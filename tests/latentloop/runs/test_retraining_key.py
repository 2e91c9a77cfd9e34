"""Which trigger a retraining by hand takes: what was killed goes on, whatever came into the catalogue since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deploy.stores.sql.ledger import CANCELLED_BY_HAND, Trigger
from latentloop.runs.retraining_key import find_interrupted

NOW = datetime(2026, 1, 2, tzinfo=UTC)
OF_TIER, RECIPE = "by-hand-full-catalogue-7fcf4317aed0", "1a0bf115"


def trigger(key: str, alive_s: float = -1.0, result: str | None = None) -> Trigger:
    alive_until = NOW + timedelta(seconds=alive_s)
    return Trigger(key, "retrain-full", "", "running", "a-run", 1, NOW, alive_until, None, result)


def test_what_was_killed_is_continued_also_on_an_older_version_of_the_catalogue() -> None:
    newest, older = f"{OF_TIER}-3-{RECIPE}-2", f"{OF_TIER}-2-{RECIPE}-1"
    assert find_interrupted([trigger(newest), trigger(older)], OF_TIER, RECIPE, NOW) == newest
    assert find_interrupted([trigger(older)], OF_TIER, RECIPE, NOW) == older


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(trigger(f"{OF_TIER}-2-{RECIPE}-1", alive_s=10), id="somebody works on it"),
        pytest.param(trigger(f"{OF_TIER}-2-{RECIPE}-1", result=CANCELLED_BY_HAND), id="a person cancelled it"),
        pytest.param(trigger(f"{OF_TIER}-2-another-1"), id="another recipe"),
        pytest.param(trigger(f"by-hand-full-catalogue-other-2-{RECIPE}-1"), id="another preprocessing"),
        pytest.param(trigger("schedule-retrain-full-2026-01-01T0000"), id="a slot of the schedule"),
    ],
)
def test_anything_else_is_left_alone(other: Trigger) -> None:
    assert find_interrupted([other], OF_TIER, RECIPE, NOW) is None
