"""A slot whose work was done or is in work has nothing to do, says so on record, and is skipped once among all."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from deploy.release import ServedVersion
from tasks.claim import claim_trigger, finish_trigger
from tasks.scheduled import find_nothing_new, take_work
from tasks.values import Claimed
from tests.deploy.controller.world import swap
from tests.tasks.arrivals import capture, ingest, intact
from tests.tasks.conftest import Configure
from tests.tasks.opened import opened
from tests.tasks.slot_runs import due, kill, start

pytestmark = pytest.mark.usefixtures("configure")
FULL, INCREMENTAL = "retrain-full", "retrain-incremental"


def _arrive(first_seed: int) -> None:
    capture([intact(seed) for seed in range(first_seed, first_seed + 5)], f"supplier-{first_seed}")
    ingest()


def _slots_a_month_apart(deployment: str = FULL) -> tuple[Claimed, Claimed]:
    """The first is done before the second is due."""
    first = start(deployment, due(0))
    assert first.outcome == "new"
    return first, start(deployment, opened().now() + timedelta(days=31))


def test_a_slot_with_the_same_catalogue_and_recipe_has_nothing_to_do_and_says_so_on_record() -> None:
    _arrive(0)
    first, second = _slots_a_month_apart()
    assert find_nothing_new.fn(opened(), first, "full") is None
    assert find_nothing_new.fn(opened(), first, "full") is None, "a run that is started again goes on"
    in_work = find_nothing_new.fn(opened(), start(FULL, opened().now() + timedelta(days=15)), "full")
    assert in_work is not None and f"{first.key} is in work on catalogue version" in in_work
    finish_trigger.fn(opened(), first, "7")

    told = find_nothing_new.fn(opened(), second, "full")

    assert told is not None
    assert told.startswith(f"nothing new: {first.key} made version 7 of catalogue version ")
    assert told.endswith("new images, or `latentloop retrain --tier full --again`, train again")
    trigger, (line,) = (
        opened().ledger.get_trigger(second.key),
        opened().ledger.entries("retrain-skipped", second.key),
    )
    assert trigger is not None and (trigger.state, trigger.result) == ("done", f"skipped: {told}")
    assert json.loads(line.body)["reason"] == told


def test_new_images_another_recipe_or_another_champion_are_new_work(configure: Configure) -> None:
    _arrive(0)
    first, second = _slots_a_month_apart()
    assert find_nothing_new.fn(opened(), first, "full") is None
    finish_trigger.fn(opened(), first, "7")
    _arrive(100)
    assert find_nothing_new.fn(opened(), second, "full") is None, "new images"
    finish_trigger.fn(opened(), second, "8")
    configure("[training.full.budget]\namount = 61\nunit = 'steps'\n")
    assert find_nothing_new.fn(opened(), start(FULL, opened().now() + timedelta(days=62)), "full") is None, (
        "another recipe"
    )

    releases = opened().releases
    swap(releases, champion=ServedVersion(version="7", digest="d7", artifact="artifacts/d7"))
    first, second = _slots_a_month_apart(INCREMENTAL)
    assert find_nothing_new.fn(opened(), first, "incremental") is None
    finish_trigger.fn(opened(), first, "9")
    told = find_nothing_new.fn(opened(), second, "incremental")
    assert told is not None and " from champion 7 " in told
    swap(releases, champion=ServedVersion(version="9", digest="d9", artifact="artifacts/d9"))
    third = start(INCREMENTAL, opened().now() + timedelta(days=62))
    assert find_nothing_new.fn(opened(), third, "incremental") is None, "another champion"


def test_what_a_slot_took_and_did_not_finish_is_done_by_the_next() -> None:
    _arrive(0)
    first, second = _slots_a_month_apart()
    assert find_nothing_new.fn(opened(), first, "full") is None
    kill(first)
    assert find_nothing_new.fn(opened(), second, "full") is None
    assert find_nothing_new.fn(opened(), second, "full") is None
    third = start(FULL, opened().now() + timedelta(days=62))
    assert find_nothing_new.fn(opened(), third, "full") is not None, "and by one alone"


def test_what_is_no_slot_is_never_skipped() -> None:
    for key in ("by-hand-full-1", "drift-full-1", "by-hand-full-2"):
        assert find_nothing_new.fn(opened(), claim_trigger.fn(opened(), key, FULL, "test"), "full") is None
    assert opened().ledger.entries("scheduled-work") == []


def test_of_two_that_see_a_dead_holder_one_takes_its_work() -> None:
    ledger = opened().ledger
    dead, one, two = (start(FULL, due(0) + timedelta(days=31 * number)) for number in range(3))
    assert take_work(ledger, "w", dead.key, opened().now()) is None
    kill(dead)
    assert take_work(ledger, "w", one.key, opened().now()) is None
    taken = take_work(ledger, "w", two.key, opened().now())
    assert taken is not None and taken.key == one.key
