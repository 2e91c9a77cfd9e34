"""The record of versions that were taken back: written before the release moves, read when one is approved again.

The line says which release ends the version's way, and in which words. A controller that is killed in between, or that
comes second, leaves a line whose release never said these words: it is not believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from operator import attrgetter

from pydantic import BaseModel, ConfigDict

from deploy.delivery.causes import Cause, TakenBack
from deploy.delivery.history import Fate
from deploy.record.approvals import OVERRIDE
from deploy.record.kind import Kind
from deploy.record.rollback import ROLLBACK, Order, describe_rollback
from deploy.release import ServedVersion
from deploy.stores.sql.ledger import Ledger

JUDGED_WORSE = frozenset({"watch period", "drift"})  # ways of a roll-back; the others are a person's


class TakenBackLine(BaseModel):
    """The release that ends a version's way, why it does, and in which words; no `digest` in older lines."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str = ""
    epoch: int
    cause: Cause
    reason: str


TAKEN_BACK = Kind("taken-back", TakenBackLine, say=attrgetter("reason"))
"""About the version."""


def record_taken_back(ledger: Ledger, taken: ServedVersion, epoch: int, cause: Cause, told: str, now: datetime) -> None:
    """Write down why release `epoch`, which is to be swapped in now, takes the version back."""
    line = TakenBackLine(digest=taken.digest, epoch=epoch, cause=cause, reason=told)
    key = f"{TAKEN_BACK.name}:{taken.version}:{epoch}:{cause.value}"
    TAKEN_BACK.write(ledger, taken.version, line, now, key=key)


def read_taken_back(ledger: Ledger, version: str, digest: str, fate: Fate | None) -> TakenBack | None:
    """Why it was taken back, where that is its last fate; None for any other fate, or when nothing is on record.

    `fate` is None for what no recent release tells of: then the newest line counts.
    """
    lines = sorted(_lines(ledger, version, digest), key=lambda each: each.epoch, reverse=True)
    if fate is None:
        found = lines[0] if lines else None
    elif fate.delivery == "rolled_back":
        unknown = TakenBack(fate.epoch, Cause.unknown, fate.reason)
        found = next((each for each in lines if (each.epoch, each.reason) == (fate.epoch, fate.reason)), unknown)
    else:
        return None
    if found is None:
        return None
    return replace(found, overridden=_is_overridden(ledger, version, digest, found.epoch))


def _lines(ledger: Ledger, version: str, digest: str) -> Iterator[TakenBack]:
    meant = ("", digest)  # another model may have borne the number
    for taken in (each.body for each in TAKEN_BACK.lines(ledger, version) if each.body.digest in meant):
        yield TakenBack(taken.epoch, taken.cause, taken.reason)
    for undone in (each.body for each in ROLLBACK.lines(ledger, version) if each.body.digest in meant):
        cause = Cause.quality if undone.how in JUDGED_WORSE else Cause.by_hand
        yield TakenBack(undone.epoch, cause, describe_rollback(version, Order(undone.who, undone.how, undone.reason)))


def _is_overridden(ledger: Ledger, version: str, digest: str, epoch: int) -> bool:
    """Whether an override of this digest was recorded under that release or a later one."""
    found = (each.body for each in OVERRIDE.lines(ledger, version))
    return any(each.digest == digest and each.epoch >= epoch for each in found)
