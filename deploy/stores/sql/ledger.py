"""The ledger: who may work on a trigger, and an append-only record of what was decided.

A trigger's key is unique for ever: of all claims one is `new`. While its owner lives (renewed within its
lease) or after it finished, others are told `duplicate`; a dead owner's work is `resumed` by the first who
claims it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, func, select, update

from deploy.stores.errors import LeaseLost, ObjectMissing
from deploy.stores.faults import register
from deploy.stores.sql.database import insert_once, reading, writing
from deploy.stores.sql.schema import beats, entries, from_us, to_us
from deploy.stores.sql.schema import triggers as table

CLAIM = register("ledger.claim", "the claim of a trigger: a new row, or another owner in it")
RENEW = register("ledger.renew", "a longer lease of a trigger")
FINISH = register("ledger.finish", "the outcome of a trigger")
GIVE_UP = register("ledger.release_claim", "the end of a lease before its time")
RECORD = register("ledger.record", "a line of the append-only record")
BEAT = register("ledger.beat", "the time of a sign of life")

Outcome = Literal["new", "resumed", "duplicate"]
State = Literal["running", "done", "failed"]
CANCELLED_BY_HAND = "cancelled by hand"  # why an attempt ended that a person has cancelled
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a claim; `attempt` counts the owners so far, this one included when it may work."""

    outcome: Outcome
    attempt: int


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger as the ledger holds it.

    `result`: what a finished one brought, or why it failed; of a running one, why its last attempt ended, if known.
    """

    key: str
    kind: str
    detail: str
    state: State
    owner: str
    attempt: int
    claimed_at: datetime
    alive_until: datetime
    finished_at: datetime | None
    result: str | None


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life, and the digest of the settings that its process works with; None from an older release."""

    at: datetime
    settings_digest: str | None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A line of the record; `body` is JSON."""

    id: int
    at: datetime
    kind: str
    subject: str
    body: str
    key: str | None


class Ledger:
    """Triggers, record and signs of life in the ledger database. All times are aware arguments."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, key: str, kind: str, detail: str, owner: str, now: datetime, lease_s: float) -> Claim:
        """Ask for the right to work on `key`. `owner` names one run; claiming again resumes its own work."""
        lease_us = timedelta(seconds=lease_s) // _MICROSECOND
        fresh = {
            "owner": owner,
            "lease_us": lease_us,
            "claimed_at_us": to_us(now),
            "alive_until_us": to_us(now) + lease_us,
            "result": None,
        }
        with CLAIM, writing(self._engine) as connection:
            values = {"key": key, "kind": kind, "detail": detail, "state": "running", "attempt": 1, **fresh}
            if insert_once(connection, table, values):
                return Claim("new", 1)
            return _resume(connection, key, fresh)

    def renew(self, key: str, owner: str, now: datetime) -> None:
        """Say that the owner lives; LeaseLost when somebody else took over or the trigger is finished."""
        with RENEW, writing(self._engine) as connection:
            where = (table.c.key == key) & (table.c.owner == owner) & (table.c.state == "running")
            alive = {"alive_until_us": to_us(now) + table.c.lease_us}
            if connection.execute(update(table).where(where).values(alive)).rowcount != 1:
                raise _lost(connection, key, owner)

    def finish(self, key: str, owner: str, outcome: Literal["done", "failed"], result: str, now: datetime) -> None:
        """Close the trigger for ever; the same again is silent, LeaseLost when it is not the owner's."""
        with FINISH, writing(self._engine) as connection:
            where = (table.c.key == key) & (table.c.owner == owner) & (table.c.state.in_(["running", outcome]))
            end = {"state": outcome, "result": result, "finished_at_us": to_us(now)}
            if connection.execute(update(table).where(where).values(end)).rowcount != 1:
                raise _lost(connection, key, owner)

    def release_claim(self, key: str, owner: str, now: datetime, reason: str | None = None) -> None:
        """End the owner's lease now, so that a restart need not wait for it; silent for anybody else.

        `reason`: why the attempt ended; kept until the next one.
        """
        with GIVE_UP, writing(self._engine) as connection:
            where = (table.c.key == key) & (table.c.owner == owner) & (table.c.state == "running")
            connection.execute(update(table).where(where).values(alive_until_us=to_us(now), result=reason))

    def get_trigger(self, key: str) -> Trigger | None:
        """Read the trigger of this key."""
        with reading(self._engine) as connection:
            row = connection.execute(select(table).where(table.c.key == key)).one_or_none()
        return None if row is None else _to_trigger(row)

    def triggers(
        self, kind: str | None = None, limit: int = 50, states: Collection[State] | None = None
    ) -> list[Trigger]:
        """Read the newest triggers first."""
        query = select(table).order_by(table.c.claimed_at_us.desc(), table.c.key).limit(limit)
        if kind is not None:
            query = query.where(table.c.kind == kind)
        if states is not None:
            query = query.where(table.c.state.in_(states))
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [_to_trigger(row) for row in rows]

    def last_done(self) -> Mapping[str, datetime]:
        """When a trigger of each kind was done last."""
        query = select(table.c.kind, func.max(table.c.finished_at_us)).where(table.c.state == "done")
        with reading(self._engine) as connection:
            rows = connection.execute(query.group_by(table.c.kind)).all()
        return {kind: from_us(at_us) for kind, at_us in rows}

    def record(self, kind: str, subject: str, body: str, now: datetime, key: str | None = None) -> bool:
        """Append a line; with a key only the first one is written, and False says that there was one."""
        values = {"at_us": to_us(now), "kind": kind, "subject": subject, "body": body, "key": key}
        with RECORD, writing(self._engine) as connection:
            return insert_once(connection, entries, values)

    def entries(self, kind: str | None = None, subject: str | None = None, limit: int = 50) -> list[LedgerEntry]:
        """Read the record, newest first."""
        query = select(entries).order_by(entries.c.id.desc()).limit(limit)
        if kind is not None:
            query = query.where(entries.c.kind == kind)
        if subject is not None:
            query = query.where(entries.c.subject == subject)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [LedgerEntry(row.id, from_us(row.at_us), row.kind, row.subject, row.body, row.key) for row in rows]

    def beat(self, name: str, now: datetime, settings_digest: str | None = None) -> None:
        """Leave a sign of life, with the settings that one lives by."""
        with BEAT, writing(self._engine) as connection:
            values = {"at_us": to_us(now), "settings_digest": settings_digest}
            if not insert_once(connection, beats, {"name": name, **values}):
                connection.execute(update(beats).where(beats.c.name == name).values(values))

    def last_beat(self, name: str) -> Beat | None:
        """Read the last sign of life."""
        with reading(self._engine) as connection:
            row = connection.execute(select(beats).where(beats.c.name == name)).one_or_none()
        return None if row is None else Beat(from_us(row.at_us), row.settings_digest)


def _resume(connection: Connection, key: str, fresh: dict[str, Any]) -> Claim:
    there = connection.execute(select(table).where(table.c.key == key)).one()
    alive = there.owner != fresh["owner"] and there.alive_until_us > fresh["claimed_at_us"]
    if there.state != "running" or alive:
        return Claim("duplicate", there.attempt)
    # compare-and-swap: between the look and this line the owner may have renewed, or another one taken over
    unchanged = (
        (table.c.key == key)
        & (table.c.state == "running")
        & (table.c.owner == there.owner)
        & (table.c.attempt == there.attempt)
        & (table.c.alive_until_us == there.alive_until_us)
    )
    taken = update(table).where(unchanged).values({**fresh, "attempt": there.attempt + 1})
    if connection.execute(taken).rowcount != 1:
        return Claim("duplicate", there.attempt)
    return Claim("resumed", there.attempt + 1)


def _lost(connection: Connection, key: str, owner: str) -> LeaseLost | ObjectMissing:
    there = connection.execute(select(table).where(table.c.key == key)).one_or_none()
    if there is None:
        return ObjectMissing(f"trigger {key}: expected a claimed one, found none; claim it first")
    return LeaseLost(
        f"trigger {key}: expected it running and owned by {owner}, found it {there.state} and owned by "
        f"{there.owner} (attempt {there.attempt}); stop this run"
    )


def _to_trigger(row: Row[Any]) -> Trigger:
    return Trigger(
        key=row.key,
        kind=row.kind,
        detail=row.detail,
        state=row.state,
        owner=row.owner,
        attempt=row.attempt,
        claimed_at=from_us(row.claimed_at_us),
        alive_until=from_us(row.alive_until_us),
        finished_at=None if row.finished_at_us is None else from_us(row.finished_at_us),
        result=row.result,
    )
