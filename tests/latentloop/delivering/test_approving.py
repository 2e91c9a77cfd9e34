"""`approve` and `reject` against real MLflow servers: the tag of the click, the record, and what cannot be."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from deploy.controller.mirroring import mirror_fates
from deploy.delivery.causes import Cause
from deploy.record.history import read_fates
from deploy.wiring import World
from latentloop.delivering.approving import approve_version, reject_version
from latentloop.delivering.candidates import override_version
from latentloop.errors import NothingToDo
from tests.latentloop.delivering.home import Home

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]
ASLEEP = "no controller gives a sign of life: `latentloop up` starts it, or `latentloop deliver` takes the next steps"


def test_approving_sets_the_tag_of_the_click_and_is_on_record_with_who_and_why(home: Home) -> None:
    version = home.register()

    decided = approve_version(World(home.settings), version, " it looks right ")

    assert (decided.approval, decided.reason, decided.before, decided.next) == (
        "approved",
        "it looks right",
        "",
        ASLEEP,
    )
    tags = home.tags(version)
    assert (tags["approval"], tags["approval_by"]) == ("approved", f"{decided.who}: it looks right")
    (line,) = home.ledger.entries("approval", version)
    body = json.loads(line.body)
    assert (body["digest"], body["who"]) == (home.digests[version], decided.who)
    assert body["reason"] == f"it looks right (latentloop approve, {decided.who})"
    home.registry.set_tag(version, "approval", "pending")


def test_what_happens_next_depends_on_who_is_there(home: Home) -> None:
    version, other = home.register(), home.register()
    home.ledger.beat("controller", datetime.now(UTC))
    home.release()
    first = approve_version(World(home.settings), version, "")
    assert first.reason == "no reason was given"
    assert first.next == (
        "the controller loads it within 15 s and lets it serve if its golden inputs agree; `latentloop status` shows it"
    )
    home.registry.set_tag(version, "approval", "pending")
    home.release(champion=version)
    assert "within 15 s and tries it against the champion" in approve_version(World(home.settings), other, "").next
    home.registry.set_tag(other, "approval", "pending")
    home.release()


def test_rejecting_says_what_ends_with_it(home: Home) -> None:
    version = home.register()
    home.ledger.beat("controller", datetime.now(UTC))
    home.release(shadow=version)

    decided = reject_version(World(home.settings), version, "blurred")

    assert decided.next == "the controller takes it back within 15 s; `latentloop status` shows it"
    assert home.tags(version)["approval"] == "rejected"
    (line,) = home.ledger.entries("rejection", version)
    assert json.loads(line.body)["reason"].startswith("blurred (latentloop reject, ")
    home.end(version, Cause.withdrawn)
    again = approve_version(World(home.settings), version, "on second thoughts")
    assert again.before.startswith(f"rejected by {decided.who}: blurred")
    home.registry.set_tag(version, "approval", "pending")


def test_an_unknown_version_is_told_which_there_are(home: Home) -> None:
    version = home.register()
    for command in (approve_version, reject_version):
        with pytest.raises(NothingToDo, match=rf"version 999 of .* is not registered; registered are .*{version}"):
            command(World(home.settings), "999", "")


@pytest.mark.parametrize(
    ("slot", "said"),
    [("champion", "serves already"), ("canary", r"on trial \(canary\)"), ("shadow", r"on trial \(shadow\)")],
)
def test_what_is_in_the_traffic_is_not_approved_again(home: Home, slot: str, said: str) -> None:
    version, other = home.register(), home.register()
    home.release(**({"champion": other} if slot == "canary" else {}), **{slot: version})
    with pytest.raises(NothingToDo, match=said):
        approve_version(World(home.settings), version, "")
    assert home.tags(version)["approval"] == "pending"
    home.release()


def test_the_champion_is_not_rejected_but_rolled_back(home: Home) -> None:
    version = home.register()
    home.release(champion=version, previous=home.register())
    with pytest.raises(NothingToDo, match="`latentloop rollback --reason TEXT` makes the version before it serve"):
        reject_version(World(home.settings), version, "")
    assert home.tags(version)["approval"] == "pending"
    home.release()


def test_the_only_version_is_not_rejected_and_no_rollback_is_advised_that_there_is_not(home: Home) -> None:
    version = home.register()
    home.release(champion=version)
    with pytest.raises(NothingToDo) as caught:
        reject_version(World(home.settings), version, "")
    assert str(caught.value) == (
        f"version {version} serves, and rejecting takes nothing out of the traffic: no version before it is kept that "
        "could serve again: another version takes its place once it is approved (`latentloop approve VERSION`), and "
        "`latentloop down` stops serving"
    )
    home.release()


def test_what_can_be_done_with_a_promoted_version_follows_those_that_come_after_it(home: Home) -> None:
    first, second = home.register(), home.register()

    def told(**slots: str) -> str:
        home.release(**slots)
        versions = [home.registry.version(each) for each in (first, second)]
        mirror_fates(home.registry, versions, read_fates(home.ledger), home.ledger, home.releases.read())
        return home.tags(first)["next_step"]

    assert told(champion=first).startswith("it serves; no version before it is kept")
    assert told(champion=second, previous=first) == (
        f"version {second} took its place; `latentloop rollback --reason TEXT` makes it serve again"
    )
    assert home.tags(second)["next_step"] == "it serves; `latentloop rollback --reason TEXT` takes it back"
    assert told(champion=first).startswith("it serves; no version before it is kept"), "after the rollback"
    home.release()


def test_a_version_that_its_gate_is_against_is_told_the_command(home: Home) -> None:
    version = home.register(benchmark="failed")
    with pytest.raises(NothingToDo, match=f"`latentloop override {version} --reason TEXT` lets it be approved"):
        approve_version(World(home.settings), version, "")
    assert home.tags(version)["approval"] == "pending"
    override_version(World(home.settings), version, "we know better")
    assert approve_version(World(home.settings), version, "").approval == "approved"
    home.registry.set_tag(version, "approval", "pending")


def test_a_version_without_its_artifact_cannot_be_approved(home: Home) -> None:
    version = home.register(model_digest="0" * 64)
    with pytest.raises(NothingToDo, match="the object store holds no artifact 0000"):
        approve_version(World(home.settings), version, "")


def test_an_older_version_waits_for_the_newer_one(home: Home) -> None:
    older, newer = home.register(), home.register()
    home.registry.set_tag(newer, "approval", "approved")
    with pytest.raises(
        NothingToDo, match=f"version {newer} is newer and approved as well.*`latentloop reject {newer}`"
    ):
        approve_version(World(home.settings), older, "")
    reject_version(World(home.settings), newer, "")
    assert approve_version(World(home.settings), older, "").approval == "approved"
    home.registry.set_tag(older, "approval", "pending")


def test_a_version_that_was_taken_back_for_a_technical_reason_is_approved_again(home: Home) -> None:
    version = home.register()
    told = home.take_back(version, Cause.technical)
    assert home.tags(version)["approval"] == "pending"

    again = approve_version(World(home.settings), version, "the disk was full")

    assert again.before == told
    assert (home.tags(version)["approval"], home.tags(version)["delivery"]) == ("approved", "")
    assert json.loads(home.ledger.entries("approval", version)[0].body)["after"] == home.releases.read().epoch
    home.registry.set_tag(version, "approval", "pending")


def test_a_version_that_lost_its_trial_needs_an_override_although_it_passed_its_gate(home: Home) -> None:
    version = home.register()
    with pytest.raises(NothingToDo, match="passed its gate: it needs no override, only set `approval` to `approved`"):
        override_version(World(home.settings), version, "why not")
    home.take_back(version, Cause.quality)
    with pytest.raises(NothingToDo, match=rf"cause: quality.*`latentloop override {version} --reason TEXT`"):
        approve_version(World(home.settings), version, "")

    override_version(World(home.settings), version, "the margin was wrong")

    assert approve_version(World(home.settings), version, "").approval == "approved"
    home.registry.set_tag(version, "approval", "pending")


def test_an_approval_right_after_a_take_back_is_not_lost_to_the_end_of_the_one_before(home: Home) -> None:
    """The controller was down: nobody has told the registry that the first approval ended."""
    version = home.register()
    home.registry.set_tag(version, "approval", "approved")
    home.release(shadow=version)
    home.end(version, Cause.technical, tell=False)

    approve_version(World(home.settings), version, "")
    mirror_fates(
        home.registry, [home.registry.version(version)], read_fates(home.ledger), home.ledger, home.releases.read()
    )

    assert home.tags(version)["approval"] == "approved"
    home.registry.set_tag(version, "approval", "pending")
