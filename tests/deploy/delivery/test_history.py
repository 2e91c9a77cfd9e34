"""What became of versions, told from the releases alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.delivery.history import Fate, trace_fates
from deploy.release import Release, ServedVersion

START = datetime(2026, 1, 1, tzinfo=UTC)
FIVE, SIX, SEVEN = (ServedVersion(version=name, digest=f"d{name}", artifact=f"artifacts/d{name}") for name in "567")


def at(epoch: int) -> datetime:
    return START + timedelta(hours=epoch)


def story(*slots: dict[str, Any], first: int = 1) -> list[Release]:
    """Consecutive releases, each with the given slots and no others."""
    return [
        Release(epoch=epoch, changed_at=at(epoch), reason=f"reason {epoch}", **each)
        for epoch, each in enumerate(slots, start=first)
    ]


PROMOTED: list[dict[str, Any]] = [
    {"shadow": SIX},
    {"champion": SIX},
    {"champion": SIX, "shadow": SEVEN},
    {"champion": SIX, "canary": SEVEN, "canary_share": 0.05},
    {"champion": SEVEN, "previous": SIX},
]


def test_a_version_has_come_as_far_as_its_last_slot() -> None:
    for length, delivery in ((3, "shadow"), (4, "canary"), (5, "promoted")):
        fate = trace_fates(story(*PROMOTED[:length]))["d7"]
        assert fate == Fate(delivery, length, at(length), f"reason {length}")  # type: ignore[arg-type]


def test_the_champion_that_became_previous_was_promoted_once() -> None:
    assert trace_fates(story(*PROMOTED))["d6"] == Fate("promoted", 2, at(2), "reason 2")


def test_who_leaves_the_shadow_or_the_canary_for_no_slot_was_rolled_back() -> None:
    for length in (3, 4):
        fates = trace_fates(story(*PROMOTED[:length], {"champion": SIX}))
        assert fates["d7"] == Fate("rolled_back", length + 1, at(length + 1), f"reason {length + 1}")
        assert fates["d6"].delivery == "promoted"


def test_a_rollback_marks_the_promoted_and_promotes_the_previous() -> None:
    fates = trace_fates(story(*PROMOTED, {"champion": SIX}))
    assert (fates["d7"].delivery, fates["d7"].epoch) == ("rolled_back", 6)
    assert (fates["d6"].delivery, fates["d6"].epoch) == ("promoted", 6)


def test_a_previous_version_that_makes_room_for_its_successor_was_not_rolled_back() -> None:
    trying = {"champion": SEVEN, "previous": SIX, "shadow": FIVE}
    fates = trace_fates(story(*PROMOTED, trying, {"champion": FIVE, "previous": SEVEN}))
    assert {name: fate.delivery for name, fate in fates.items()} == dict.fromkeys(("d5", "d6", "d7"), "promoted")


def test_a_canary_whose_champion_is_rolled_back_is_in_the_shadow_again() -> None:
    trying = {"champion": SEVEN, "previous": SIX, "canary": FIVE, "canary_share": 0.05}
    fates = trace_fates(story(*PROMOTED, trying, {"champion": SIX, "shadow": FIVE}))
    found = {name: fate.delivery for name, fate in fates.items()}
    assert found == {"d5": "shadow", "d6": "promoted", "d7": "rolled_back"}


def test_a_history_that_begins_later_says_nothing_of_what_was_there_before() -> None:
    assert trace_fates(story(*PROMOTED[2:], first=3)).keys() == {"d7"}
    assert trace_fates([]) == {}


def test_another_model_under_the_number_of_an_old_one_has_no_part_in_its_fate() -> None:
    """A registry that was set up anew counts from the beginning: its version 6 is a stranger to the release."""
    stranger = ServedVersion(version="6", digest="another", artifact="artifacts/another")
    fates = trace_fates(story(*PROMOTED, {"champion": SEVEN, "previous": SIX, "shadow": stranger}))
    assert (fates["d6"].delivery, fates["another"].delivery) == ("promoted", "shadow")
