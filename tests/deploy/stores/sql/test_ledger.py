"""Of all claims of a trigger one is new; the record only grows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from deploy.stores.errors import LeaseLost, ObjectMissing
from deploy.stores.sql.database import open_engine
from deploy.stores.sql.ledger import Beat, Claim, Ledger
from tests.deploy.stores.racing import PROCESSES, Racers, kill_at

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEASE_S = 30.0
LATER = NOW + timedelta(seconds=LEASE_S + 1)


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(engine)


def _claim(ledger: Ledger, owner: str, now: datetime = NOW, key: str = "drift:1") -> Claim:
    return ledger.claim(key, "drift", '{"a": 1}', owner, now, LEASE_S)


def test_the_first_claim_is_new_and_every_other_a_duplicate(ledger: Ledger) -> None:
    assert _claim(ledger, "one") == Claim("new", 1)
    assert _claim(ledger, "two") == Claim("duplicate", 1)
    assert _claim(ledger, "two", key="drift:2") == Claim("new", 1)


def test_an_owner_that_starts_again_resumes_its_own_work(ledger: Ledger) -> None:
    _claim(ledger, "one")
    assert _claim(ledger, "one") == Claim("resumed", 2)


def test_a_dead_owner_is_replaced_after_its_lease_and_not_before(ledger: Ledger) -> None:
    _claim(ledger, "one")
    assert _claim(ledger, "two", NOW + timedelta(seconds=LEASE_S - 1)).outcome == "duplicate"
    assert _claim(ledger, "two", LATER) == Claim("resumed", 2)
    with pytest.raises(LeaseLost, match="owned by one, found it running and owned by two"):
        ledger.renew("drift:1", "one", LATER)
    with pytest.raises(LeaseLost, match="stop this run"):
        ledger.finish("drift:1", "one", "done", "{}", LATER)


def test_a_renewed_lease_keeps_others_away(ledger: Ledger) -> None:
    _claim(ledger, "one")
    ledger.renew("drift:1", "one", NOW + timedelta(seconds=20))
    assert _claim(ledger, "two", LATER).outcome == "duplicate"
    assert _claim(ledger, "two", LATER + timedelta(seconds=20)).outcome == "resumed"


def test_a_claim_given_up_is_free_at_once_and_only_its_owner_can_give_it_up(ledger: Ledger) -> None:
    _claim(ledger, "one")
    ledger.release_claim("drift:1", "two", NOW)
    assert _claim(ledger, "two").outcome == "duplicate"
    ledger.release_claim("drift:1", "one", NOW, "no room on the disk")
    given_up = ledger.get_trigger("drift:1")
    assert given_up is not None
    assert (given_up.state, given_up.alive_until, given_up.result) == ("running", NOW, "no room on the disk")
    assert _claim(ledger, "two") == Claim("resumed", 2)
    resumed = ledger.get_trigger("drift:1")
    assert resumed is not None and resumed.result is None, "the next attempt has not failed"


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_a_finished_trigger_is_a_duplicate_for_ever(ledger: Ledger, outcome: str) -> None:
    _claim(ledger, "one")
    ledger.finish("drift:1", "one", outcome, '{"version": 3}', LATER)  # type: ignore[arg-type]
    ledger.finish("drift:1", "one", outcome, '{"version": 3}', LATER)  # type: ignore[arg-type]
    assert _claim(ledger, "one", LATER).outcome == "duplicate"
    assert _claim(ledger, "two", LATER + timedelta(days=999)).outcome == "duplicate"
    other = "failed" if outcome == "done" else "done"
    with pytest.raises(LeaseLost, match=f"found it {outcome}"):
        ledger.finish("drift:1", "one", other, "{}", LATER)  # type: ignore[arg-type]
    with pytest.raises(LeaseLost):
        ledger.renew("drift:1", "one", LATER)


def test_a_trigger_reads_back_with_aware_times(ledger: Ledger) -> None:
    tokyo = NOW.astimezone(tz=None)
    _claim(ledger, "one", tokyo)
    ledger.finish("drift:1", "one", "done", '{"v": 1}', LATER)
    trigger = ledger.get_trigger("drift:1")
    assert trigger is not None
    assert (trigger.kind, trigger.detail, trigger.state, trigger.owner) == ("drift", '{"a": 1}', "done", "one")
    assert (trigger.claimed_at, trigger.finished_at, trigger.result) == (NOW, LATER, '{"v": 1}')
    assert trigger.claimed_at.tzinfo is UTC
    assert ledger.get_trigger("other") is None


def test_triggers_are_listed_newest_first(ledger: Ledger) -> None:
    for number in range(3):
        ledger.claim(f"k{number}", "weekly" if number else "drift", "{}", "o", NOW + timedelta(seconds=number), 1)
    assert [trigger.key for trigger in ledger.triggers()] == ["k2", "k1", "k0"]
    assert [trigger.key for trigger in ledger.triggers("weekly", limit=1)] == ["k2"]


def test_triggers_are_listed_by_state_and_the_last_that_was_done_is_known_of_each_kind(ledger: Ledger) -> None:
    for number, kind in enumerate(("drift", "weekly", "weekly", "monthly")):
        ledger.claim(f"k{number}", kind, "{}", "o", NOW + timedelta(seconds=number), 1)
    for number in (1, 2):
        ledger.finish(f"k{number}", "o", "done", "{}", LATER + timedelta(seconds=number))
    ledger.finish("k3", "o", "failed", "refused", LATER)
    assert [trigger.key for trigger in ledger.triggers(states=("running", "failed"))] == ["k3", "k0"]
    assert ledger.last_done() == {"weekly": LATER + timedelta(seconds=2)}


def test_a_trigger_that_nobody_claimed_cannot_be_finished(ledger: Ledger) -> None:
    with pytest.raises(ObjectMissing, match="claim it first"):
        ledger.finish("none", "one", "done", "{}", NOW)


def test_a_time_without_a_zone_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match=r"datetime\.now\(UTC\)"):
        _claim(ledger, "one", datetime(2026, 3, 1))
    assert ledger.get_trigger("drift:1") is None


def _claim_in_process(url: str, key: str, owner: str, now: datetime) -> str:
    engine = open_engine(url)
    outcome = Ledger(engine).claim(key, "drift", "{}", owner, now, LEASE_S).outcome
    engine.dispose()
    return outcome


def test_of_racing_claims_exactly_one_is_new(database_url: str, ledger: Ledger, racers: Racers) -> None:
    for number in range(5):
        runners = [(database_url, f"k{number}", f"o{owner}", NOW) for owner in range(PROCESSES)]
        assert sorted(racers.race(_claim_in_process, runners)) == ["duplicate"] * 3 + ["new"]


def test_of_racing_heirs_of_a_dead_owner_exactly_one_resumes(database_url: str, ledger: Ledger, racers: Racers) -> None:
    for number in range(5):
        _claim(ledger, "dead", key=f"k{number}")
        runners = [(database_url, f"k{number}", f"o{owner}", LATER) for owner in range(PROCESSES)]
        assert sorted(racers.race(_claim_in_process, runners)) == ["duplicate"] * 3 + ["resumed"]


@pytest.mark.parametrize(("moment", "outcome"), [("before", "new"), ("after", "duplicate")])
def test_a_claim_killed_on_its_way_is_whole_or_was_never_made(
    database_url: str, ledger: Ledger, moment: str, outcome: str
) -> None:
    code = f"""
        from datetime import UTC, datetime
        from deploy.stores.sql.database import open_engine
        from deploy.stores.sql.ledger import Ledger
        now = datetime.fromisoformat({NOW.isoformat()!r})
        Ledger(open_engine({database_url!r})).claim("drift:1", "drift", "{{}}", "one", now, {LEASE_S})
    """
    kill_at("ledger.claim", moment, code)
    assert _claim(ledger, "two").outcome == outcome


def test_the_record_is_read_newest_first_and_by_kind_and_subject(ledger: Ledger) -> None:
    assert ledger.record("verdict", "3", '{"n": 1}', NOW)
    assert ledger.record("approval", "3", "{}", LATER)
    assert ledger.record("verdict", "4", "{}", LATER)
    assert [(entry.kind, entry.subject) for entry in ledger.entries()] == [
        ("verdict", "4"),
        ("approval", "3"),
        ("verdict", "3"),
    ]
    (entry,) = ledger.entries(kind="verdict", subject="3")
    assert (entry.at, entry.body, entry.key) == (NOW, '{"n": 1}', None)
    assert len(ledger.entries(limit=2)) == 2


def test_a_keyed_entry_is_written_once_and_the_first_one_stays(ledger: Ledger) -> None:
    assert ledger.record("approval", "3", "first", NOW, key="approval:3")
    assert not ledger.record("approval", "3", "second", NOW, key="approval:3")
    assert [entry.body for entry in ledger.entries()] == ["first"]


def _record_in_process(url: str, body: str) -> bool:
    engine = open_engine(url)
    written = Ledger(engine).record("approval", "3", body, NOW, key="approval:3")
    engine.dispose()
    return written


def test_of_racing_keyed_entries_exactly_one_is_written(database_url: str, ledger: Ledger, racers: Racers) -> None:
    runners = [(database_url, f"b{number}") for number in range(PROCESSES)]
    assert sorted(racers.race(_record_in_process, runners)) == [False, False, False, True]
    assert len(ledger.entries()) == 1


def test_a_sign_of_life_is_the_last_one(ledger: Ledger) -> None:
    assert ledger.last_beat("controller") is None
    ledger.beat("controller", NOW)
    ledger.beat("controller", LATER, "d" * 64)
    ledger.beat("worker", NOW)
    assert ledger.last_beat("controller") == Beat(LATER, "d" * 64)
    assert ledger.last_beat("worker") == Beat(NOW, None)
