"""Pairs: what champion and candidate make of the same answered images, one row an image."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Engine, Row, and_, func, insert, select

from deploy.stores.database import reading, writing
from deploy.stores.faults import register
from deploy.stores.followed_pairs import FollowedPairs, of_trial
from deploy.stores.schema import pairs, to_us

WRITE = register("pairs.write", "a batch of pair rows, one transaction")

_NUMBERS = ("champion_error", "candidate_error", "champion_kl", "candidate_kl", "candidate_ms")
_TEXTS = ("request_id", "replica", "champion", "candidate", "answered_by", "failure")


@dataclass(frozen=True, slots=True)
class PairRow:
    """One answered image. What a version did not bring forth is None; `failure` says why the candidate failed.

    `at`: aware, UTC, when the request came. `champion`, `candidate`, `answered_by`: versions. Errors: MSE per
    pixel and channel. `kl`: nats. `candidate_ms`: milliseconds of its forward pass, shared evenly by the batch.
    """

    at: datetime
    request_id: str
    replica: str
    champion: str
    candidate: str
    answered_by: str
    champion_error: float | None
    candidate_error: float | None
    champion_kl: float | None
    candidate_kl: float | None
    candidate_ms: float | None
    failure: str | None


@dataclass(frozen=True, slots=True)
class PairWindow:
    """The pairs of two versions as columns of equal length N, oldest first; missing numbers are NaN.

    `at`: datetime64[us], UTC. `failure`: "" where the candidate did its work.
    """

    at: NDArray[np.datetime64]
    request_id: NDArray[np.object_]
    replica: NDArray[np.object_]
    champion: NDArray[np.object_]
    candidate: NDArray[np.object_]
    answered_by: NDArray[np.object_]
    champion_error: NDArray[np.float64]
    candidate_error: NDArray[np.float64]
    champion_kl: NDArray[np.float64]
    candidate_kl: NDArray[np.float64]
    candidate_ms: NDArray[np.float64]
    failure: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.at)

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Where both versions have an error (N,): the rows that a paired judge can use."""
        return np.isfinite(self.champion_error) & np.isfinite(self.candidate_error)

    @property
    def failures(self) -> int:
        """Images on which the candidate failed."""
        return int(np.count_nonzero(self.failure != ""))


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

    def window(
        self, since: datetime, until: datetime, *, candidate: str, champion: str, limit: int | None = None
    ) -> PairWindow:
        """Read the pairs of two versions in an interval; with `limit` the newest that many."""
        newest_first = (
            select(pairs)
            .where(_of(since, until, candidate, champion))
            .order_by(pairs.c.at_us.desc(), pairs.c.id.desc())
        )
        with reading(self._engine) as connection:
            found = connection.execute(newest_first.limit(limit)).all()
        return _to_window(found[::-1])

    def follow(self, since: datetime, *, candidate: str, champion: str) -> FollowedPairs:
        """Read the pairs of two versions since then again and again, each time only what has come meanwhile."""
        return FollowedPairs(self._engine, since, candidate, champion)


def _of(since: datetime, until: datetime, candidate: str, champion: str) -> ColumnElement[bool]:
    return and_(of_trial(since, candidate, champion), pairs.c.at_us < to_us(until))


def _to_values(row: PairRow) -> dict[str, object]:
    return {"at_us": to_us(row.at), **{name: getattr(row, name) for name in (*_TEXTS, *_NUMBERS)}}


def _to_window(rows: Sequence[Row[Any]]) -> PairWindow:
    def texts(name: str) -> NDArray[np.object_]:
        return np.array([getattr(row, name) or "" for row in rows], dtype=object)

    numbers = {name: np.array([getattr(row, name) for row in rows], dtype=np.float64) for name in _NUMBERS}
    return PairWindow(
        at=np.array([row.at_us for row in rows], dtype="datetime64[us]"),
        request_id=texts("request_id"),
        replica=texts("replica"),
        champion=texts("champion"),
        candidate=texts("candidate"),
        answered_by=texts("answered_by"),
        failure=texts("failure"),
        **numbers,
    )
