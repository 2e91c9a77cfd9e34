"""Pairs: what champion and candidate make of the same answered images, one row an image."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, and_, func, insert, select

from deploy.stores.faults import register
from deploy.stores.sql.database import reading, writing
from deploy.stores.sql.followed_pairs import FollowedPairs, of_trial
from deploy.stores.sql.schema import pairs, to_us

WRITE = register("pairs.write", "a batch of pair rows, one transaction")

_NUMBERS = ("champion_error", "candidate_error", "candidate_ms")
_TEXTS = ("request_id", "replica", "champion", "candidate", "answered_by", "failure")


@dataclass(frozen=True, slots=True)
class PairRow:
    """One answered image. What a version did not bring forth is None; `failure` says why the candidate failed.

    `at`: aware, UTC, when the request came. `champion`, `candidate`, `answered_by`: versions. Errors: MSE per
    pixel and channel. `candidate_ms`: milliseconds of its forward pass, shared evenly by the batch.
    """

    at: datetime
    request_id: str
    replica: str
    champion: str
    candidate: str
    answered_by: str
    champion_error: float | None
    candidate_error: float | None
    candidate_ms: float | None
    failure: str | None


class Pairs:
    """The table of pairs. Intervals are half open: since <= at < until."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write(self, rows: Sequence[PairRow]) -> None:
        """Append a batch in one transaction: all of it or nothing."""
        if not rows:
            return
        with WRITE, writing(self._engine) as connection:
            connection.execute(insert(pairs), [_to_values(row) for row in rows])

    def count(self, since: datetime, until: datetime, *, candidate: str, champion: str) -> int:
        """How many images both versions were asked about, failures included."""
        where = _of(since, until, candidate, champion)
        with reading(self._engine) as connection:
            return connection.execute(select(func.count()).select_from(pairs).where(where)).scalar_one()

    def follow(self, since: datetime, *, candidate: str, champion: str) -> FollowedPairs:
        """Read the pairs of two versions since then again and again, each time what has come meanwhile."""
        return FollowedPairs(self._engine, since, candidate, champion)


def _of(since: datetime, until: datetime, candidate: str, champion: str) -> ColumnElement[bool]:
    return and_(of_trial(since, candidate, champion), pairs.c.at_us < to_us(until))


def _to_values(row: PairRow) -> dict[str, object]:
    return {"at_us": to_us(row.at), **{name: getattr(row, name) for name in (*_TEXTS, *_NUMBERS)}}
