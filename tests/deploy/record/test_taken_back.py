"""Why a version was taken back: the line is believed whose release said so, of the model that is meant."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import pytest

from deploy.delivery.causes import Cause, TakenBack
from deploy.delivery.history import Delivery, Fate
from deploy.record.approvals import OVERRIDE, OverrideLine
from deploy.record.kind import Kind
from deploy.record.rollback import ROLLBACK, RollbackLine
from deploy.record.taken_back import TAKEN_BACK, read_taken_back, record_taken_back
from deploy.release import ServedVersion
from deploy.stores.sql.ledger import Ledger
from tests.deploy.record.of_before import NOW, Told, assert_goes_on
from tests.deploy.serving.house import House

WRITTEN_BEFORE: dict[str, Told] = {
    "taken-back": ({"epoch": 4, "cause": "quality", "reason": "worse"}, "worse"),
}


@pytest.mark.parametrize("kind", [TAKEN_BACK], ids=attrgetter("name"))
def test_a_line_of_the_release_before_is_read_told_and_written_so_that_it_is_read_again(
    ledger: Ledger, kind: Kind[Any]
) -> None:
    assert_goes_on(ledger, kind, WRITTEN_BEFORE[kind.name])


SEVEN = ServedVersion(version="7", digest="d7", artifact="artifacts/d7")
WORSE = "version 7 taken back: worse"


def fate(delivery: Delivery = "rolled_back", epoch: int = 4, reason: str = WORSE) -> Fate:
    return Fate(delivery, epoch, NOW, reason)


@pytest.fixture
def record(house: House) -> Ledger:
    """Version 7 was taken back by release 4."""
    found = Ledger(house.engine)
    record_taken_back(found, SEVEN, 4, Cause.quality, WORSE, NOW)
    return found


@pytest.mark.parametrize(
    ("last", "cause"),
    [
        (fate(), Cause.quality),
        (None, Cause.quality),
        (fate(epoch=5), Cause.unknown),
        (fate(reason="somebody else moved the row"), Cause.unknown),
        (fate("shadow", epoch=9), None),
        (fate("promoted", epoch=9), None),
    ],
    ids=["as the line says", "no recent release tells", "another release", "other words", "on trial", "promoted"],
)
def test_the_line_counts_whose_release_ended_the_versions_way_in_these_words(
    record: Ledger, last: Fate | None, cause: Cause | None
) -> None:
    found = read_taken_back(record, "7", "d7", last)
    assert (found.cause if found is not None else None) == cause


def test_another_model_that_bears_the_number_was_not_taken_back(record: Ledger) -> None:
    assert read_taken_back(record, "7", "another", None) is None
    assert read_taken_back(record, "8", "d7", None) is None


@pytest.mark.parametrize(
    ("digest", "epoch", "overridden"), [("d7", 4, True), ("d7", 5, True), ("d7", 3, False), ("another", 4, False)]
)
def test_an_override_counts_for_its_digest_and_from_that_release_on(
    record: Ledger, digest: str, epoch: int, overridden: bool
) -> None:
    OVERRIDE.write(record, "7", OverrideLine(digest=digest, reason="I looked", epoch=epoch), NOW)
    found = read_taken_back(record, "7", "d7", fate())
    assert found is not None and found.overridden is overridden


@pytest.mark.parametrize(
    ("how", "cause"), [("by hand", Cause.by_hand), ("watch period", Cause.quality), ("drift", Cause.quality)]
)
def test_a_rollback_is_a_persons_or_says_that_the_version_was_worse(house: House, how: str, cause: Cause) -> None:
    ledger = Ledger(house.engine)
    line = RollbackLine(version="7", digest="d7", serves="6", epoch=6, how=how, who="me", reason="complaints")
    ROLLBACK.write(ledger, "7", line, NOW)
    said = f"version 7 rolled back ({how}, me): complaints"
    found = read_taken_back(ledger, "7", "d7", fate(epoch=6, reason=said))
    assert found == TakenBack(6, cause, said)
