"""One run does the work of a trigger: claims, leases that are renewed and given up, and the reason that is kept."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from deploy.stores.errors import LeaseLost
from tasks.claim import claim_trigger, finish_trigger, holding
from tasks.errors import DataRefused, NoChampion, NotEnoughData
from tests.tasks.conftest import Configure
from tests.tasks.opened import forget, opened

pytestmark = pytest.mark.usefixtures("configure")


def _another_process() -> None:
    forget()


def test_of_two_claims_one_is_a_duplicate() -> None:
    first = claim_trigger.fn(opened(), "one", "retrain-full", "test")
    _another_process()
    second = claim_trigger.fn(opened(), "one", "retrain-full", "test")
    assert (first.outcome, second.outcome) == ("new", "duplicate")
    assert second.duplicate and not first.duplicate


def test_finished_work_is_a_duplicate_for_everybody() -> None:
    claimed = claim_trigger.fn(opened(), "one", "retrain-full", "test")
    with holding(opened(), claimed):
        finish_trigger.fn(opened(), claimed, "7")
    _another_process()
    assert claim_trigger.fn(opened(), "one", "retrain-full", "test").duplicate
    trigger = opened().ledger.get_trigger("one")
    assert trigger is not None and (trigger.state, trigger.result) == ("done", "7")


def test_an_error_gives_the_lease_up_at_once() -> None:
    claimed = claim_trigger.fn(opened(), "one", "retrain-full", "test")
    with pytest.raises(ZeroDivisionError), holding(opened(), claimed):
        raise ZeroDivisionError
    _another_process()
    again = claim_trigger.fn(opened(), "one", "retrain-full", "test")
    assert (again.outcome, again.attempt) == ("resumed", 2)


def test_the_lease_is_renewed_while_the_work_goes_on(configure: Configure) -> None:
    configure("[controller]\nlease_s = 5\n")
    claimed = claim_trigger.fn(opened(), "one", "retrain-full", "test")
    ledger = opened().ledger
    before = ledger.get_trigger("one")
    with holding(opened(), claimed):
        while (there := ledger.get_trigger("one")) == before:
            time.sleep(0.01)
    assert before is not None and there is not None
    assert there.alive_until > before.alive_until
    assert there.owner == claimed.owner


def test_a_lease_is_as_long_as_its_setting_says_however_far_the_waiting_is_compressed(
    configure: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure()
    monkeypatch.setenv("LATENTLOOP_CLOCK_FACTOR", "0.002")
    claim_trigger.fn(opened(), "one", "retrain-full", "test")
    trigger = opened().ledger.get_trigger("one")
    assert trigger is not None
    assert (trigger.alive_until - trigger.claimed_at).total_seconds() == opened().settings.controller.lease_s == 20


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (DataRefused("catalogue version 3 is not fit"), "failed", "catalogue version 3 is not fit"),
        (NoChampion("run the full tier first"), "failed", "run the full tier first"),
        (NotEnoughData("3 images: expected\n200"), "running", "3 images: expected 200"),
        (ZeroDivisionError("division by zero"), "running", "ZeroDivisionError: division by zero"),
        (ValueError("x" * 2_000), "running", f"ValueError: {'x' * 486} …"),
    ],
)
def test_an_error_is_kept_as_the_reason_and_closes_the_trigger_when_a_repeat_cannot_help(
    error: BaseException, state: str, reason: str
) -> None:
    claimed = claim_trigger.fn(opened(), "one", "retrain-full", "test")
    with pytest.raises(type(error)), holding(opened(), claimed):
        raise error
    trigger = opened().ledger.get_trigger("one")
    assert trigger is not None
    assert (trigger.state, trigger.result) == (state, reason)
    assert trigger.alive_until <= opened().now() or state == "failed", "nobody has to wait for a lease"
    _another_process()
    assert claim_trigger.fn(opened(), "one", "retrain-full", "test").duplicate == (state == "failed")


def test_a_ledger_that_cannot_be_told_does_not_hide_the_error(capsys: pytest.CaptureFixture[str]) -> None:
    claimed = claim_trigger.fn(opened(), "one", "retrain-full", "test")
    with pytest.raises(DataRefused, match="not fit"), holding(opened(), claimed):
        opened().ledger.release_claim("one", claimed.owner, opened().now())
        _another_process()
        claim_trigger.fn(opened(), "one", "retrain-full", "test")
        raise DataRefused("not fit")
    assert "the ledger was not told why one ended" in capsys.readouterr().out


def test_a_run_that_was_taken_over_cannot_finish() -> None:
    late = claim_trigger.fn(opened(), "one", "retrain-full", "test")
    opened().ledger.release_claim("one", late.owner, opened().now())
    _another_process()
    assert claim_trigger.fn(opened(), "one", "retrain-full", "test").outcome == "resumed"
    with pytest.raises(LeaseLost):
        opened().ledger.renew("one", late.owner, opened().now())
    with pytest.raises(LeaseLost):
        finish_trigger.fn(opened(), late, "7")
