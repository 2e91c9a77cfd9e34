"""The runs that are not over as the ledger knows them: in work, interrupted, cancelled, or failed with their reason."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from deploy.stores.objects.port import ObjectStore
from deploy.stores.sql.ledger import CANCELLED_BY_HAND, Ledger, Trigger
from latentloop.runs.progress import describe_note, read_note

LIMIT = 50  # newest triggers that are looked at; a person who has so many failures reads the ledger

NEWS = timedelta(days=1)  # so long a run is shown that somebody cancelled

Standing = Literal["in work", "interrupted", "failed", "cancelled"]


class Run(BaseModel):
    """A trigger that is not done.

    `since`: it was claimed, its lease ended, it was cancelled or failed. `goes_on`: what continues or repeats its work.
    `progress`: where one in work stands, if it said so.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    kind: str
    standing: Standing
    since: AwareDatetime
    attempt: int
    owner: str
    reason: str
    goes_on: str
    progress: str


def read_runs(ledger: Ledger, objects: ObjectStore, now: datetime) -> tuple[Run, ...]:
    """Runs that nobody has done; one that ended is forgotten once a later one of its kind was done.

    One that a person cancelled was to end: it is shown while that is news.
    """
    last, found = ledger.last_done(), []
    for trigger in ledger.triggers(limit=LIMIT, states=("running", "failed")):
        standing = _standing(trigger, now)
        ended = trigger.finished_at or trigger.alive_until
        if standing != "in work" and trigger.kind in last and last[trigger.kind] > ended:
            continue
        if standing == "cancelled" and now - ended > NEWS:
            continue
        found.append(
            Run(
                key=trigger.key,
                kind=trigger.kind,
                standing=standing,
                since=trigger.claimed_at if standing == "in work" else ended,
                attempt=trigger.attempt,
                owner=trigger.owner,
                reason=trigger.result or "",
                goes_on="" if standing == "in work" else goes_on(trigger),
                progress=_progress(objects, trigger.key) if standing == "in work" else "",
            )
        )
    return tuple(found)


def goes_on(trigger: Trigger) -> str:
    """What a person, a schedule or the controller does about a trigger that nobody works on."""
    closed = trigger.state == "failed"
    command = _command(trigger.kind)
    if trigger.key.startswith("schedule-"):
        return f"the next slot of its schedule begins anew, {command} at once"
    if trigger.key.startswith("by-hand-"):
        refused = trigger.result and trigger.result != CANCELLED_BY_HAND
        if refused and not closed and trigger.kind != "monitor":  # and would be again as things are
            return f"once that is mended, {command}"
        return f"{command} {'begins anew' if closed or trigger.kind == 'monitor' else 'continues it'}"
    return "the next drift, or trial, asks anew" if closed else "the controller asks for it again"


def _command(kind: str) -> str:
    if kind.startswith("retrain-"):
        return f"`latentloop retrain --tier {kind.removeprefix('retrain-')}`"
    return "`latentloop ingest FOLDER`" if kind == "ingest" else f"`latentloop {kind}`"


def _standing(trigger: Trigger, now: datetime) -> Standing:
    if trigger.state == "failed":
        return "failed"
    if trigger.alive_until > now:
        return "in work"
    if trigger.result == CANCELLED_BY_HAND:
        return "cancelled"
    return "failed" if trigger.result else "interrupted"


def _progress(objects: ObjectStore, key: str) -> str:
    note = read_note(objects, key)
    return describe_note(note) if note is not None else ""
