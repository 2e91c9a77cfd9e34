"""The pairs of a trial as its judges read them: kept between looks, in the order of arrival.

Bounds that hold at every moment want one sequence, of which each look sees a longer beginning. A replica whose database
was away writes its rows late: by time they would go between rows that were judged already and move the blocks and
restarts of the bounds after the fact; by id they come last. Ids grow as rows are committed; only on PostgreSQL, among
transactions that are open at the same moment, a smaller id may show after a larger one. Then the count of the rows
differs, and all are read again: what is kept is what another process reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, case, func, select

from deploy.stores.sql.database import reading
from deploy.stores.sql.schema import pairs, to_us

_TRIAL_COLUMNS = {
    "id": "int64",
    "at": "datetime64[us]",
    "champion_error": "float64",
    "candidate_error": "float64",
    "failed": "bool",
    "by_candidate": "bool",
    "request_id": "object",
}
ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class TrialPairs:
    """What judges need of the pairs of two versions, as columns of equal length N in the order of arrival.

    `id`: ascending. `at`: datetime64[us], UTC. `failed`: the candidate did not do its work; `by_candidate`: its answer
    was given. Missing errors are NaN. `request_id`: of the failed ones, "" elsewhere.
    """

    id: NDArray[np.int64]
    at: NDArray[np.datetime64]
    champion_error: NDArray[np.float64]
    candidate_error: NDArray[np.float64]
    failed: NDArray[np.bool_]
    by_candidate: NDArray[np.bool_]
    request_id: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.id)

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Where both versions have an error (N,): the rows that a paired judge can use."""
        return np.isfinite(self.champion_error) & np.isfinite(self.candidate_error)


class FollowedPairs:
    """Reads the pairs of two versions since a time again and again. Rows are never changed or deleted.

    `rows_at_once` are held as Python objects, before they become columns.
    """

    def __init__(
        self, engine: Engine, since: datetime, candidate: str, champion: str, rows_at_once: int = ROWS_AT_ONCE
    ) -> None:
        self._engine, self._candidate, self._rows_at_once = engine, candidate, rows_at_once
        self._where = of_trial(since, candidate, champion)
        self._kept = _to_trial([])

    def read(self) -> TrialPairs:
        """All of them until now; StoreError leaves what is kept as it was."""
        with reading(self._engine) as connection:
            kept = self._extended(connection, self._kept)
            last = int(kept.id[-1]) if len(kept) else 0
            known = select(func.count()).select_from(pairs).where(self._where, pairs.c.id <= last)
            if connection.execute(known).scalar_one() != len(kept):
                kept = self._extended(connection, _to_trial([]))
        self._kept = kept
        return kept

    def _extended(self, connection: Connection, kept: TrialPairs) -> TrialPairs:
        failed = func.coalesce(pairs.c.failure, "") != ""
        columns = (
            pairs.c.id,
            pairs.c.at_us,
            pairs.c.champion_error,
            pairs.c.candidate_error,
            failed,
            pairs.c.answered_by == self._candidate,
            case((failed, pairs.c.request_id), else_=""),
        )
        last = int(kept.id[-1]) if len(kept) else 0
        newer = select(*columns).where(self._where, pairs.c.id > last).order_by(pairs.c.id)
        streamed = connection.execute(newer.execution_options(yield_per=self._rows_at_once))
        found = [kept, *(_to_trial(rows) for rows in streamed.partitions())]
        return TrialPairs(**{name: np.concatenate([getattr(each, name) for each in found]) for name in _TRIAL_COLUMNS})


def of_trial(since: datetime, candidate: str, champion: str) -> ColumnElement[bool]:
    """The rows of two versions since then."""
    return and_(pairs.c.candidate == candidate, pairs.c.champion == champion, pairs.c.at_us >= to_us(since))


def _to_trial(rows: Sequence[Row[Any]]) -> TrialPairs:
    columns = zip(*rows, strict=True) if rows else iter([()] * len(_TRIAL_COLUMNS))
    return TrialPairs(
        **{
            name: np.array(values, dtype=dtype)
            for (name, dtype), values in zip(_TRIAL_COLUMNS.items(), columns, strict=True)
        }
    )
