"""The record of versions that were taken back: written before the release moves, read when one is approved again.

The line says which release ends the version's way, and in which words. A controller that is killed in between, or that
comes second, leaves a line whose release never said these words: it is not believed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from deploy.delivery.causes import Cause, TakenBack
from deploy.delivery.history import Fate
from deploy.record.rollback import Order, describe_rollback
from deploy.stores.sql.ledger import Ledger

LINE = "taken-back"
JUDGED_WORSE = frozenset({"watch period", "drift"})  # ways of a roll-back; the others are a person's


def record_taken_back(ledger: Ledger, version: str, epoch: int, cause: Cause, told: str, now: datetime) -> None:
    """Write down why release `epoch`, which is to be swapped in now, takes the version back."""
    body = json.dumps({"epoch": epoch, "cause": cause.value, "reason": told})
    ledger.record(LINE, version, body, now, key=f"{LINE}:{version}:{epoch}:{cause.value}")


def read_taken_back(ledger: Ledger, version: str, digest: str, fate: Fate | None) -> TakenBack | None:
    """Why it was taken back, where that is its last fate; None for any other fate, or when nothing is on record.

    `fate` is None for what no recent release tells of: then the newest line counts.
    """
    lines = sorted(_lines(ledger, version), key=lambda each: each.epoch, reverse=True)
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


def _lines(ledger: Ledger, version: str) -> Iterator[TakenBack]:
    for line in ledger.entries(LINE, version):
        body = json.loads(line.body)
        yield TakenBack(body["epoch"], Cause(body["cause"]), body["reason"])
    for line in ledger.entries("rollback", version):
        body = json.loads(line.body)
        cause = Cause.quality if body["how"] in JUDGED_WORSE else Cause.by_hand
        yield TakenBack(
            body["epoch"], cause, describe_rollback(version, Order(body["who"], body["how"], body["reason"]))
        )


def _is_overridden(ledger: Ledger, version: str, digest: str, epoch: int) -> bool:
    """Whether an override of this digest was recorded under that release or a later one."""
    found = (json.loads(line.body) for line in ledger.entries("override", version))
    return any(body.get("digest") == digest and body.get("epoch", 0) >= epoch for body in found)
