"""Work that nobody does is asked for again: not too soon, a few times, and not what somebody ended or cancelled."""

from __future__ import annotations

import json
from typing import Literal

import httpx
import pytest

from deploy.controller.neighbours import Neighbours
from deploy.controller.retraining import RETRIES, retrainings_asked_again
from deploy.stores import faults
from deploy.stores.sql.ledger import CANCELLED_BY_HAND
from tests.deploy.controller.retrainings import LEASE_S, RETRY_S, asked, claim, end, revive, runs
from tests.deploy.controller.test_drift import TWO, now
from tests.deploy.controller.world import champion_of, swap


@pytest.mark.server
@pytest.mark.parametrize("claimed", [False, True])
def test_a_retraining_that_died_is_asked_for_again_a_few_times(
    with_prefect: Neighbours, api: httpx.Client, claimed: bool
) -> None:
    swap(with_prefect.releases, champion=TWO)
    key = asked(with_prefect)
    if claimed:
        claim(with_prefect, key)
        assert revive(with_prefect, LEASE_S / 2, retry_s=1.0) == [], "it lives"
    assert revive(with_prefect, RETRY_S - 1) == [], "too early"
    for attempt in range(1, RETRIES.most + 1):
        assert revive(with_prefect, attempt * (RETRY_S + 1)) == [key]
        assert revive(with_prefect, attempt * (RETRY_S + 1) + RETRY_S / 2) == []
    assert revive(with_prefect, 100 * RETRY_S) == []

    found = runs(api)
    assert [each["idempotency_key"] for each in found] == [f"{key}:retry:{n + 1}" for n in range(RETRIES.most)]
    assert found[0]["parameters"] == {"key": key, "reason": "a new kind", "cause": "drift", "snapshot": "a-snapshot"}
    lines = with_prefect.ledger.entries("drift-retry", key)
    assert [json.loads(each.body)["attempt"] for each in lines] == [5, 4, 3, 2, 1]
    (again,) = retrainings_asked_again(with_prefect.ledger, champion_of(with_prefect))
    assert (again.trigger, again.times, again.most, again.last_at) == (key, 5, 5, lines[0].at)
    end(with_prefect, key, "done")
    assert retrainings_asked_again(with_prefect.ledger, champion_of(with_prefect)) == []


@pytest.mark.server
def test_a_retraining_that_a_person_cancelled_is_not_asked_for_again_and_one_that_was_ended_is(
    with_prefect: Neighbours,
) -> None:
    swap(with_prefect.releases, champion=TWO)
    cancelled, ended = asked(with_prefect), asked(with_prefect)
    for key, reason in ((cancelled, CANCELLED_BY_HAND), (ended, "told to end")):
        claim(with_prefect, key)
        with_prefect.ledger.release_claim(key, "a-run", now(), reason)

    assert revive(with_prefect, RETRY_S + 1) == [ended]


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_a_retraining_that_ended_is_not_asked_for_again(alone: Neighbours, outcome: Literal["done", "failed"]) -> None:
    swap(alone.releases, champion=TWO)
    end(alone, asked(alone), outcome)
    assert revive(alone, 10 * RETRY_S) == []


@pytest.mark.server
@pytest.mark.parametrize("point", ["orchestrator.create_run", "ledger.record"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_on_the_way_asks_with_the_same_name(
    with_prefect: Neighbours, api: httpx.Client, point: str, moment: faults.Moment
) -> None:
    swap(with_prefect.releases, champion=TWO)
    key = asked(with_prefect)

    def kill(name: str, when: faults.Moment) -> None:
        if (name, when) == (point, moment):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), faults.installed(kill):
        revive(with_prefect, RETRY_S + 1)
    revive(with_prefect, RETRY_S + 2)

    assert [each["idempotency_key"] for each in runs(api)] == [f"{key}:retry:1"]
    assert len(with_prefect.ledger.entries("drift-retry", key)) == 1
