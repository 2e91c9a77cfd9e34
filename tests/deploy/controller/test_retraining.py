"""One drift makes one retraining, and a retraining that died is asked for again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deploy.controller.neighbours import Neighbours
from deploy.stores.errors import StoreUnavailable
from tests.deploy.controller.retrainings import LEASE_S, RETRY_S, act, asked, claim, end, revive
from tests.deploy.controller.test_drift import ONE, TWO, find, now, promote
from tests.deploy.controller.world import Traffic, swap


def test_a_second_line_while_the_first_waits_for_its_images_is_closed(alone: Neighbours) -> None:
    promote(alone)
    first = find(alone, "emergency", needed_images=50)
    find(alone, "full")
    assert act(alone) == [f"nothing: already under way for version 2: {first} waits"]


@pytest.mark.parametrize("state", ["not claimed", "in work", "died"])
def test_a_retraining_that_was_asked_for_answers_the_next_line(alone: Neighbours, state: str) -> None:
    promote(alone)
    key = asked(alone, now() - timedelta(hours=1))
    if state != "not claimed":
        claim(alone, key, now() - timedelta(seconds=2 * LEASE_S if state == "died" else 0))
    find(alone, "emergency")
    words = "is in work" if state == "in work" else "was asked for"
    assert act(alone) == [f"nothing: already under way for version 2: {key} {words}"]
    assert len(alone.ledger.entries("drift-event")) == 1


@pytest.mark.server
@pytest.mark.parametrize("state", ["not claimed", "died", "failed", "of another champion"])
def test_what_came_to_nothing_is_in_nobodys_way_after_the_cooldown(with_prefect: Neighbours, state: str) -> None:
    world = promote(with_prefect)
    key = asked(world, now() - timedelta(hours=7), "1" if state == "of another champion" else "2")
    if state == "died":
        claim(world, key, now() - timedelta(hours=7))
    if state == "failed":
        end(world, key, "failed")
    find(world, "emergency")
    (did,) = act(world)
    assert did.startswith("event latentloop.drift.emergency was emitted")


def test_while_the_registry_is_away_a_line_waits_for_what_a_person_has_in_hand(alone: Neighbours) -> None:
    promote(alone)
    end(alone, asked(alone), "done")
    find(alone, "emergency")
    assert act(alone) == alone.ledger.entries("drift-acted") == []


def test_a_retraining_for_a_champion_that_was_replaced_is_not_asked_for_again(alone: Neighbours) -> None:
    asked(alone)
    assert revive(alone, 10 * RETRY_S) == [], "no champion"
    swap(alone.releases, champion=ONE)
    assert revive(alone, 10 * RETRY_S) == []


def test_a_run_that_cannot_be_asked_for_again_now_is_asked_for_at_the_next_look(alone: Neighbours) -> None:
    swap(alone.releases, champion=TWO)
    asked(alone)
    assert revive(alone, RETRY_S - 1) == []
    with pytest.raises(StoreUnavailable, match="Prefect"):
        revive(alone, RETRY_S + 1)
    assert alone.ledger.entries("drift-retry") == [], "and is asked for at the next look"


def test_images_that_came_do_not_help_a_line_that_is_answered_already(alone: Neighbours) -> None:
    promote(alone)
    find(alone, "emergency", needed_images=5)
    Traffic(alone.telemetry).answer("2", 100)
    key = asked(alone, datetime.now(UTC))
    assert act(alone) == [f"nothing: already under way for version 2: {key} was asked for"]
