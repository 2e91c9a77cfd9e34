"""The registry's tags tell what happened to a version, once, whoever did it and whoever was killed meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from deploy.delivery.steps import TakeBack
from deploy.record.rollback import Desk, Order, roll_back
from deploy.stores import faults
from deploy.stores.objects.release_file import RELEASE_KEY, verify_release
from tests.deploy.controller.neighbourhood import MARKS, World, kinds, serving, start_canary
from tests.deploy.controller.world import write_pairs

pytestmark = MARKS


def test_a_rollback_by_hand_is_mirrored_at_the_next_look_and_nothing_comes_back_by_itself(world: World) -> None:
    champion, previous = serving(world)
    found = world.neighbours
    desk = Desk(found.releases, found.ledger, found.objects, found.signing_key)

    done = roll_back(desk, Order("a person", "by hand", "complaints"), lambda: datetime.now(UTC))

    assert (done.version, done.serves, done.published) == (champion, previous, True)
    assert world.tags(champion)["delivery"] == "promoted"
    assert world.look() == []
    assert world.tags(champion)["delivery"] == "rolled_back"
    reason = f"version {champion} rolled back (by hand, a person): complaints"
    assert world.tags(champion)["delivery_reason"] == reason
    assert world.registry.alias("champion") == previous


def test_a_controller_killed_between_the_swap_and_the_tags_mends_them(world: World) -> None:
    serving(world)
    version, _ = world.register()
    world.approve(version)
    write_pairs(world.neighbours.pairs, start_canary(world, version), 0.9, failures=600)

    def kill(name: str, moment: faults.Moment) -> None:
        if (name, moment) == ("release.swap", "after"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), faults.installed(kill):
        world.look()
    assert world.neighbours.releases.read().canary is None
    assert world.tags(version)["delivery"] == "canary"

    assert world.look() == [], "what was taken back is not loaded again"
    assert world.tags(version)["delivery"] == "rolled_back"
    published = verify_release(world.house.objects.get(RELEASE_KEY).data, world.house.keys.public)
    assert published == world.neighbours.releases.read()


def test_an_approval_from_before_an_upgrade_brings_nothing_back_by_itself(world: World) -> None:
    """An older controller told what happened and left `approval` as it was."""
    serving(world)
    version, _ = world.register()
    world.approve(version)
    world.settle(version, ratio=1.3)
    world.registry.set_tag(version, "approval_ended", "")
    world.approve(version)

    assert world.look() == []
    assert world.tags(version)["approval"] == "pending"


def test_what_a_person_refused_stays_refused_when_it_is_taken_back(world: World) -> None:
    serving(world)
    version, _ = world.register()
    world.approve(version)
    start_canary(world, version)
    world.registry.set_tag(version, "approval", "rejected")

    assert kinds(world.look()) == [TakeBack]

    assert world.tags(version)["approval"] == "rejected"
