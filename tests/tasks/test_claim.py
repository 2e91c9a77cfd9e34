from __future__ import annotations

import time

import pytest

from deploy.stores.errors import LeaseLost
from deploy.stores.ledger import Ledger
from tasks.claim import claim_trigger, finish_trigger, holding
from tasks.context import engine, now, owner

pytestmark = pytest.mark.usefixtures("configure")


def _another_process() -> None:
    owner.cache_clear()


def test_of_two_claims_one_is_a_duplicate() -> None:
    first = claim_trigger.fn("one", "retrain-full", "test")
    _another_process()
    second = claim_trigger.fn("one", "retrain-full", "test")
    assert (first.outcome, second.outcome) == ("new", "duplicate")
    assert second.duplicate and not first.duplicate


def test_finished_work_is_a_duplicate_for_everybody() -> None:
    claimed = claim_trigger.fn("one", "retrain-full", "test")
    with holding(claimed):
        finish_trigger.fn(claimed, "7")
    _another_process()
    assert claim_trigger.fn("one", "retrain-full", "test").duplicate
    trigger = Ledger(engine()).get_trigger("one")
    assert trigger is not None and (trigger.state, trigger.result) == ("done", "7")


def test_an_error_gives_the_lease_up_at_once() -> None:
    claimed = claim_trigger.fn("one", "retrain-full", "test")
    with pytest.raises(ZeroDivisionError), holding(claimed):
        raise ZeroDivisionError
    _another_process()
    again = claim_trigger.fn("one", "retrain-full", "test")
    assert (again.outcome, again.attempt) == ("resumed", 2)


def test_the_lease_is_renewed_while_the_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.claim.LEASE_S", 0.04)
    claimed = claim_trigger.fn("one", "retrain-full", "test")
    ledger = Ledger(engine())
    before = ledger.get_trigger("one")
    with holding(claimed):
        while (there := ledger.get_trigger("one")) == before:
            time.sleep(0.005)
    assert before is not None and there is not None
    assert there.alive_until > before.alive_until
    assert there.owner == claimed.owner


def test_a_run_that_was_taken_over_cannot_finish() -> None:
    late = claim_trigger.fn("one", "retrain-full", "test")
    Ledger(engine()).release_claim("one", late.owner)
    _another_process()
    assert claim_trigger.fn("one", "retrain-full", "test").outcome == "resumed"
    with pytest.raises(LeaseLost):
        Ledger(engine()).renew("one", late.owner, now())
    with pytest.raises(LeaseLost):
        finish_trigger.fn(late, "7")
