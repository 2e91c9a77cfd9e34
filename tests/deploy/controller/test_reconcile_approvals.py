"""What a person says of a version, and what comes of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from deploy.delivery.steps import LoadBeside, Promote, RecordApproval, Refuse, TryGolden
from deploy.record.approvals import OVERRIDE, OverrideLine
from deploy.stores.objects.release_file import RELEASE_KEY, verify_release
from tests.deploy.controller.neighbourhood import MARKS, World, end_watch, kinds
from tests.deploy.controller.world import swap
from tests.deploy.serving.house import wait_until

pytestmark = MARKS


def test_an_approved_version_becomes_champion_everywhere(world: World) -> None:
    swap(world.neighbours.releases, champion=None, previous=None, shadow=None, canary=None, canary_share=0.0)
    version, digest = world.register()
    world.approve(version)
    steps = world.settle(version)
    assert kinds(steps) == [RecordApproval, LoadBeside, TryGolden, Promote], "nobody is there to be compared with"

    release = world.neighbours.releases.read()
    assert release.champion is not None and release.shadow is None
    assert (release.champion.version, release.champion.digest) == (version, digest)
    assert "golden inputs through the service: golden_deviation" in release.reason
    published = verify_release(world.house.objects.get(RELEASE_KEY).data, world.house.keys.public)
    assert published == release
    assert world.registry.alias("champion") == version
    tags = world.tags(version)
    assert (tags["delivery"], tags["delivery_reason"]) == ("promoted", release.reason)
    assert len(world.neighbours.ledger.entries("approval", version)) == 1
    wait_until(lambda: world.neighbours.service.view().epoch == release.epoch, "the service follows")
    assert world.neighbours.service.view().loaded[version] == digest


def test_the_champion_of_before_stays_as_previous(world: World) -> None:
    (old, _), (new, _) = world.register(), world.register()
    for version in (old, new):
        world.approve(version)
        world.settle(version)
    release = world.neighbours.releases.read()
    assert release.champion is not None and release.previous is not None
    assert (release.champion.version, release.previous.version) == (new, old)
    assert (world.registry.alias("champion"), world.registry.alias("previous")) == (new, old)


def test_a_pending_version_stays_where_it_is(world: World) -> None:
    version, _ = world.register()
    world.look()
    before = world.snapshot()
    assert world.look() == []
    assert world.snapshot() == before
    assert "delivery" not in world.tags(version)


def test_looking_again_at_a_settled_world_changes_nothing(world: World) -> None:
    version, _ = world.register()
    world.approve(version)
    world.settle(version)
    end_watch(world)
    before = world.snapshot()
    assert world.look() == []
    assert world.snapshot() == before


def test_an_approval_against_the_benchmark_is_refused_and_on_record(world: World) -> None:
    version, digest = world.register(benchmark="failed")
    world.approve(version)
    reason = (
        "benchmark=failed and no override is recorded: expected benchmark=passed; "
        f"`latentloop override {version} --reason TEXT` lets it be approved"
    )
    assert world.settle(version) == [Refuse(version, digest, reason)]
    (entry,) = world.neighbours.ledger.entries("approval-refused", version)
    assert reason in entry.body and digest in entry.body
    assert (world.tags(version)["delivery"], world.tags(version)["delivery_reason"]) == ("refused", reason)
    assert world.neighbours.ledger.entries("approval", version) == []


def test_a_tag_that_somebody_edits_neither_passes_the_gate_nor_ends_a_refusal(world: World) -> None:
    version, digest = world.register(benchmark="failed")
    world.registry.set_tag(version, "benchmark", "passed")
    world.approve(version)
    (refused,) = world.settle(version)
    assert isinstance(refused, Refuse)
    assert refused.reason.startswith("benchmark=failed (its tag says passed, and decides nothing) and no override is ")
    assert world.tags(version)["benchmark"] == "failed", "the tag shows what is on record"

    world.registry.set_tag(version, "benchmark", "passed")
    world.registry.set_tag(version, "delivery", "")
    assert kinds(world.settle(version)) == [Refuse]

    assert world.neighbours.releases.read().shadow is None
    assert world.neighbours.ledger.entries("approval", version) == []
    assert {digest in each.body for each in world.neighbours.ledger.entries("approval-refused", version)} == {True}


def test_a_version_that_was_made_past_the_installation_is_refused_whatever_digest_and_tags_it_carries(
    world: World,
) -> None:
    _, known = world.register()
    version, _ = world.register(recorded=False, model_digest=known)
    world.approve(version)
    (refused,) = world.settle(version)
    assert isinstance(refused, Refuse)
    assert refused.reason.startswith("no gate of this installation judged it: expected a version that a training or ")
    assert world.neighbours.ledger.entries("approval", version) == []
    assert len(world.neighbours.ledger.entries("approval-refused", version)) == 1


def test_an_override_on_record_lets_the_same_version_serve(world: World) -> None:
    version, digest = world.register(benchmark="failed")
    line = OverrideLine(digest=digest, reason="we know better", who="somebody")
    OVERRIDE.write(world.neighbours.ledger, version, line, datetime.now(UTC))
    world.approve(version)
    assert Promote in kinds(world.settle(version))
    assert world.registry.alias("champion") == version


def test_an_override_counts_for_the_digest_that_it_was_given_for(world: World) -> None:
    version, _ = world.register(benchmark="failed")
    line = OverrideLine(digest="another", reason="we know better")
    OVERRIDE.write(world.neighbours.ledger, version, line, datetime.now(UTC))
    world.approve(version)
    assert kinds(world.settle(version)) == [Refuse]


def test_an_approval_that_another_one_overtook_is_refused(world: World) -> None:
    (older, _), (newer, _) = world.register(), world.register()
    world.approve(newer)
    world.approve(older)
    world.settle(newer)
    assert world.tags(older)["delivery"] == "refused"
    said = f"superseded: version {newer} is newer and approved as well; `latentloop approve {older}` has it tried"
    assert world.tags(older)["delivery_reason"].startswith(said)
    assert world.registry.alias("champion") == newer


@pytest.mark.parametrize("digest", [None, "", "../../etc/passwd", "0" * 64])
def test_a_digest_without_an_artifact_is_refused_and_blocks_nobody(world: World, digest: str | None) -> None:
    tags = {} if digest is None else {"model_digest": digest}
    version, registered = world.register(stored=False, **tags)
    world.approve(version)
    named = (registered if digest is None else digest) or "(tag model_digest is missing)"
    (step,) = world.settle(version)
    assert isinstance(step, Refuse)
    assert step.reason == f"the object store holds no artifact {named}"
    assert world.tags(version)["delivery"] == "refused"
