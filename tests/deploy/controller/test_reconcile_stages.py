"""Shadow, canary, watch period: how far a version comes, and how it goes back."""

from __future__ import annotations

import json
import re

from deploy.delivery.causes import Cause
from deploy.delivery.steps import BeginTrial, LoadBeside, RecordApproval, RollBack, Settle, TakeBack, TryGolden
from tests.deploy.controller.neighbourhood import MARKS, TRIED, World, kinds, serving, start_canary
from tests.deploy.controller.world import write_pairs

pytestmark = MARKS


def test_a_better_version_goes_through_shadow_and_canary_and_is_settled_after_its_watch_period(world: World) -> None:
    champion, _ = serving(world)
    version, digest = world.register()
    world.approve(version)

    assert kinds(world.settle(version)) == TRIED

    ledger, release = world.neighbours.ledger, world.neighbours.releases.read()
    assert release.champion is not None and release.champion.digest == digest and release.previous is not None
    assert (release.previous.version, release.canary, release.canary_share, release.shadow) == (champion, None, 0, None)
    states = [json.loads(each.body) for each in ledger.entries("release", limit=4)][::-1]
    slots = [[name for name in ("shadow", "canary") if each[name]] for each in states]
    assert (slots[1:], states[2]["canary_share"]) == ([["shadow"], ["canary"], []], 0.05)
    for kind in ("shadow-verdict", "canary-verdict"):
        (entry,) = ledger.entries(kind, version)
        verdict = json.loads(entry.body)
        assert verdict["phase"] == "passed"
        assert {"recon_error_change", "failure_share"} <= {each["name"] for each in verdict["evidence"]}
    (begun,) = ledger.entries("trial", version)
    assert json.loads(begun.body)["champion"] == champion
    watched = world.see()
    assert watched.standing is not None and watched.standing.stage == "watch"
    assert watched.trial is not None and watched.trial.version == version
    write_pairs(world.neighbours.pairs, watched.standing, 1.1)  # `previous` is worse, as it was
    assert kinds(world.look()) == [Settle]
    assert world.see().standing is None


def test_a_worse_version_is_taken_back_from_the_shadow_and_the_numbers_say_why(world: World) -> None:
    champion, _ = serving(world)
    version, _ = world.register()
    world.approve(version)

    assert kinds(world.settle(version, ratio=1.3)) == [RecordApproval, LoadBeside, TryGolden, BeginTrial, TakeBack]

    release = world.neighbours.releases.read()
    assert release.champion is not None and release.champion.version == champion and release.shadow is None
    tags = world.tags(version)
    assert tags["delivery"] == "rolled_back"
    said = rf"version {version} taken back: candidate 0\.\d+ against champion 0\.\d+: recon_error_change 0\.30"
    assert re.match(said, tags["delivery_reason"]), tags["delivery_reason"]


def test_a_canary_that_fails_on_requests_is_taken_back_and_answers_nobody_any_more(world: World) -> None:
    serving(world)
    version, _ = world.register()
    world.approve(version)
    canary = start_canary(world, version)
    write_pairs(world.neighbours.pairs, canary, 0.9, failures=600)

    assert kinds(world.look()) == [TakeBack]

    release = world.neighbours.releases.read()
    assert (release.canary, release.shadow, release.canary_share) == (None, None, 0.0)
    assert "candidate failed on 600 of" in world.tags(version)["delivery_reason"]
    assert world.look() == [], "and it does not come back"


def test_an_approval_that_is_withdrawn_ends_the_canary(world: World) -> None:
    serving(world)
    version, _ = world.register()
    world.approve(version)
    start_canary(world, version)
    world.registry.set_tag(version, "approval", "rejected")

    (step,) = world.look()

    reason = "the approval was withdrawn before the version became champion"
    assert step == TakeBack(version, reason, Cause.withdrawn)
    assert world.neighbours.releases.read().canary is None


def test_a_promoted_version_that_turns_out_worse_than_the_one_before_is_rolled_back(world: World) -> None:
    champion, previous = serving(world)
    standing = world.see().standing
    assert standing is not None and standing.stage == "watch"
    write_pairs(world.neighbours.pairs, standing, 0.8)  # `previous` is a fifth better on the same images

    assert kinds(world.look()) == [RollBack]

    release = world.neighbours.releases.read()
    assert release.champion is not None and (release.champion.version, release.previous) == (previous, None)
    assert world.tags(champion)["delivery"] == "rolled_back"
    assert "recon_error_change" in world.tags(champion)["delivery_reason"]
    assert world.tags(previous)["delivery"] == "promoted"
    assert (world.registry.alias("champion"), world.registry.alias("previous")) == (previous, None)
    (entry,) = world.neighbours.ledger.entries("rollback", champion)
    assert json.loads(entry.body)["how"] == "watch period"
    assert world.look() == []
