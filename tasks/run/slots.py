"""The slots of a schedule: each is a trigger of its own, and of several that start late one does the work."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.stores.sql.ledger import Trigger

SKIPPED = "skipped: "  # begins the result of a slot that left its work to another one: it covers nobody
_FORM = "%Y-%m-%dT%H%M"


def name_slot(deployment: str, slot: datetime) -> str:
    """The trigger of a slot."""
    return f"schedule-{deployment}-{slot.astimezone(UTC):{_FORM}}"


def read_slot(key: str) -> datetime | None:
    """When the trigger's slot was, to the minute; None for a trigger that is no slot."""
    found = re.fullmatch(r"schedule-.+-(\d{4}-\d\d-\d\dT\d{4})", key)
    return datetime.strptime(found[1], _FORM).replace(tzinfo=UTC) if found else None


def find_cover(key: str, claimed_at: datetime, triggers: Sequence[Trigger], now: datetime) -> str | None:
    """The slot of the same schedule that began after this one was due and before it was claimed, done or in work.

    After an outage all slots that were missed start at once: the first of them sees all that the others would see.
    """
    slot = read_slot(key)
    if slot is None:
        return None
    for each in triggers:
        if each.key == key or not read_slot(each.key):
            continue
        first = (each.claimed_at, each.key) < (claimed_at, key)
        if first and each.claimed_at >= slot and _does_its_work(each, triggers, now):
            return each.key
    return None


def _does_its_work(trigger: Trigger, triggers: Sequence[Trigger], now: datetime) -> bool:
    """Whether it did, or does: one in work that has a cover itself has not yet said that it leaves its work to it."""
    if trigger.state == "done":
        return not (trigger.result or "").startswith(SKIPPED)
    in_work = trigger.state == "running" and trigger.alive_until > now
    return in_work and find_cover(trigger.key, trigger.claimed_at, triggers, now) is None
