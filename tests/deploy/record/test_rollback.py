"""Taking back what serves, with every server away: the stores are enough."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

import pytest

from deploy.record.kind import Kind
from deploy.record.rollback import ROLLBACK, Desk, NothingToRollBack, Order, roll_back
from deploy.release import Release, ServedVersion
from deploy.stores import faults
from deploy.stores.errors import StoreUnavailable
from deploy.stores.objects.release_file import RELEASE_KEY, verify_release
from deploy.stores.sql.ledger import Ledger
from deploy.stores.sql.release import ReleaseStore
from tests.deploy.controller.world import swap
from tests.deploy.record.of_before import Told, assert_goes_on
from tests.deploy.serving.house import House

SIX, SEVEN, EIGHT = (ServedVersion(version=name, digest=f"d{name}", artifact=f"artifacts/d{name}") for name in "678")
ORDER = Order(who="a person", how="by hand", reason="complaints")
WRITTEN_BEFORE: dict[str, Told] = {
    "rollback": (
        {"version": "8", "serves": "7", "epoch": 5, "how": "by hand", "who": "me", "reason": "complaints"},
        "complaints",
    ),
}


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(ReleaseStore(house.engine), Ledger(house.engine), house.objects, house.keys.private)


def now() -> datetime:
    return datetime.now(UTC)


def slots(release: Release) -> dict[str, str]:
    named = {name: getattr(release, name) for name in ("champion", "canary", "shadow", "previous")}
    return {name: served.version for name, served in named.items() if served is not None}


def published(house: House) -> Release:
    return verify_release(house.objects.get(RELEASE_KEY).data, house.keys.public)


def test_the_previous_version_serves_again_and_replicas_are_told(house: House, desk: Desk) -> None:
    swap(desk.releases, champion=SEVEN, previous=SIX)

    done = roll_back(desk, ORDER, now)

    assert (done.version, done.serves, done.published) == ("7", "6", True)
    release = desk.releases.read()
    assert (slots(release), release.epoch) == ({"champion": "6"}, 2)
    assert release.reason == "version 7 rolled back (by hand, a person): complaints"
    assert published(house) == release == done.release
    (entry,) = desk.ledger.entries("rollback")
    assert (entry.subject, json.loads(entry.body)) == (
        "7",
        {
            "version": "7",
            "digest": SEVEN.digest,
            "serves": "6",
            "epoch": 2,
            "how": "by hand",
            "who": "a person",
            "reason": "complaints",
        },
    )


def test_a_canary_is_what_goes_first(desk: Desk) -> None:
    swap(desk.releases, champion=SEVEN, previous=SIX, canary=EIGHT, canary_share=0.05)

    assert (roll_back(desk, ORDER, now).version, slots(desk.releases.read())) == (
        "8",
        {"champion": "7", "previous": "6"},
    )
    assert desk.releases.read().canary_share == 0.0
    assert (roll_back(desk, ORDER, now).version, slots(desk.releases.read())) == ("7", {"champion": "6"})


def test_a_candidate_in_the_shadow_stays_there(desk: Desk) -> None:
    swap(desk.releases, champion=SEVEN, previous=SIX, shadow=EIGHT)
    roll_back(desk, ORDER, now)
    assert slots(desk.releases.read()) == {"champion": "6", "shadow": "8"}


def test_without_a_previous_version_one_line_says_so_and_nothing_is_written(house: House, desk: Desk) -> None:
    with pytest.raises(NothingToRollBack, match="^nothing to roll back: no version serves$"):
        roll_back(desk, ORDER, now)
    swap(desk.releases, champion=SIX)
    sentence = "^nothing to roll back: version 6 serves and no previous version is kept; approve another version\\. "
    with pytest.raises(NothingToRollBack, match=sentence):
        roll_back(desk, ORDER, now)
    assert desk.releases.read().epoch == 1
    assert house.objects.etag(RELEASE_KEY) is None and desk.ledger.entries("rollback") == []


class _Overtaken(ReleaseStore):
    """A release row that somebody else moves just before our swap, as often as it is told to."""

    def __init__(self, house: House, changes: list[dict[str, Any]]) -> None:
        super().__init__(house.engine)
        self._others, self._changes = ReleaseStore(house.engine), changes

    def compare_and_swap(self, expected_epoch: int, release: Release) -> Release:
        if self._changes:
            swap(self._others, "somebody else", **self._changes.pop(0))
        return super().compare_and_swap(expected_epoch, release)


def overtaken(house: House, *changes: dict[str, Any]) -> Desk:
    return Desk(_Overtaken(house, list(changes)), Ledger(house.engine), house.objects, house.keys.private)


def test_a_row_that_moves_meanwhile_is_read_again(house: House, desk: Desk) -> None:
    swap(desk.releases, champion=SEVEN, previous=SIX)

    roll_back(overtaken(house, {"shadow": EIGHT}, {"shadow": None}), ORDER, now)

    assert (slots(desk.releases.read()), desk.releases.read().epoch) == ({"champion": "6"}, 4)


def test_what_somebody_else_took_back_meanwhile_is_not_taken_back_twice(house: House, desk: Desk) -> None:
    swap(desk.releases, champion=SEVEN, previous=SIX, canary=EIGHT, canary_share=0.05)

    with pytest.raises(NothingToRollBack, match=r"^version 8 was taken back meanwhile \(somebody else\)"):
        roll_back(overtaken(house, {"canary": None, "canary_share": 0.0}), ORDER, now)

    assert slots(desk.releases.read()) == {"champion": "7", "previous": "6"}, "the champion was not meant"


def test_of_three_orders_at_once_the_first_is_done_and_the_others_do_nothing(desk: Desk) -> None:
    swap(desk.releases, champion=SEVEN, previous=SIX, canary=EIGHT, canary_share=0.05)
    asked_at = now()

    assert roll_back(desk, ORDER, now, asked_at).version == "8"
    for _ in range(2):
        with pytest.raises(NothingToRollBack) as said:
            roll_back(desk, ORDER, now, asked_at)

    assert str(said.value) == (
        "version 8 was taken back meanwhile (version 8 rolled back (by hand, a person): complaints); nothing more was "
        "done, version 7 serves. To go further back, call it again"
    )
    assert slots(desk.releases.read()) == {"champion": "7", "previous": "6"}, "the champion was not meant"
    assert len(desk.ledger.entries("rollback")) == 1
    assert roll_back(desk, ORDER, now, now()).serves == "6", "who has seen that may go further"


def test_what_was_promoted_after_it_was_asked_for_is_taken_back_with_what_was_meant(desk: Desk) -> None:
    swap(desk.releases, champion=SEVEN, previous=SIX)
    asked_at = now()
    swap(desk.releases, canary=EIGHT, canary_share=0.05)

    assert roll_back(desk, ORDER, now, asked_at).version == "7", "the champion stood then, and was meant"

    assert slots(desk.releases.read()) == {"champion": "6", "shadow": "8"}


def test_a_canary_that_was_promoted_meanwhile_is_still_taken_back(house: House, desk: Desk) -> None:
    swap(desk.releases, champion=SEVEN, previous=SIX, canary=EIGHT, canary_share=0.05)
    promotion = {"champion": EIGHT, "previous": SEVEN, "canary": None, "canary_share": 0.0}

    assert roll_back(overtaken(house, promotion), ORDER, now).serves == "7"

    assert slots(desk.releases.read()) == {"champion": "7"}


def test_without_the_object_store_the_row_is_moved_and_says_that_replicas_do_not_know_yet(
    house: House, desk: Desk
) -> None:
    swap(desk.releases, champion=SEVEN, previous=SIX)

    def away(name: str, moment: faults.Moment) -> None:
        if name.startswith("objects."):
            raise StoreUnavailable("the object store is away")

    with faults.installed(away):
        done = roll_back(desk, ORDER, now)

    assert (done.serves, done.published) == ("6", False)
    assert slots(desk.releases.read()) == {"champion": "6"}
    assert house.objects.etag(RELEASE_KEY) is None


@pytest.mark.parametrize("kind", [ROLLBACK], ids=attrgetter("name"))
def test_a_line_of_the_release_before_is_read_told_and_written_so_that_it_is_read_again(
    ledger: Ledger, kind: Kind[Any]
) -> None:
    assert_goes_on(ledger, kind, WRITTEN_BEFORE[kind.name])
