"""A version that was taken back, and a person who approves it again."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from deploy.delivery.steps import LoadBeside, Promote, RecordApproval, Refuse, TakeBack
from deploy.record.approvals import OVERRIDE, OverrideLine
from deploy.record.rollback import Desk, Order, roll_back
from tests.deploy.controller.neighbourhood import MARKS, TRIED, World, kinds, serving, start_canary
from tests.deploy.controller.world import write_pairs

pytestmark = MARKS
AGAIN = "to have it tried again: set `approval` to `approved`, or `latentloop approve"


def test_what_failed_for_a_technical_reason_is_tried_again_by_one_click(world: World) -> None:
    serving(world)
    version, _ = world.register()
    world.approve(version)
    write_pairs(world.neighbours.pairs, start_canary(world, version), 0.9, failures=600)
    assert kinds(world.look()) == [TakeBack]

    assert world.look() == [], "nothing comes back by itself"
    tags = world.tags(version)
    assert (tags["delivery"], tags["approval"]) == ("rolled_back", "pending")
    assert tags["next_step"] == f"{AGAIN} {version}`"

    world.approve(version)

    assert kinds(world.settle(version)) == TRIED
    assert world.tags(version)["delivery"] == "promoted"
    first, second = world.neighbours.ledger.entries("approval", version)
    assert json.loads(first.body)["after"] > json.loads(second.body)["after"] == 0, "both approvals are on record"


def test_what_was_shown_to_be_worse_needs_an_override_that_is_newer_than_its_trial(world: World) -> None:
    serving(world)
    version, digest = world.register()
    line = OverrideLine(digest=digest, reason="before its trial")
    OVERRIDE.write(world.neighbours.ledger, version, line, datetime.now(UTC))
    world.approve(version)
    world.settle(version, ratio=1.3)
    assert f"`latentloop override {version} --reason TEXT`, then" in world.tags(version)["next_step"]

    world.approve(version)
    (step,) = world.look()

    assert isinstance(step, Refuse)
    assert step.reason.startswith("it was taken back before (cause: quality) and no override is recorded since: ")
    assert world.tags(version)["delivery"] == "refused"

    epoch = world.neighbours.releases.read().epoch
    newer = OverrideLine(digest=digest, reason="we know better", epoch=epoch)
    OVERRIDE.write(world.neighbours.ledger, version, newer, datetime.now(UTC))
    world.registry.set_tag(version, "delivery", "")

    assert kinds(world.settle(version))[:2] == [RecordApproval, LoadBeside]
    assert world.tags(version)["delivery"] == "promoted"


def test_emptying_the_tag_brings_no_worse_version_back(world: World) -> None:
    serving(world)
    version, _ = world.register()
    world.approve(version)
    world.settle(version, ratio=1.3)

    world.registry.set_tag(version, "delivery", "")
    world.approve(version)

    assert kinds(world.look()) == [Refuse]


def test_what_a_person_took_back_a_person_may_approve_again(world: World) -> None:
    champion, previous = serving(world)
    found = world.neighbours
    desk = Desk(found.releases, found.ledger, found.objects, found.signing_key)
    roll_back(desk, Order("a person", "by hand", "complaints"), lambda: datetime.now(UTC))
    assert world.look() == []
    assert world.tags(champion)["approval"] == "pending"

    world.approve(champion)

    assert Promote in kinds(world.settle(champion))
    release = found.releases.read()
    assert release.champion is not None and release.previous is not None
    assert (release.champion.version, release.previous.version) == (champion, previous)
