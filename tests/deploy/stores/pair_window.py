"""All that the table of pairs says of two versions, for tests; what the product reads of it is `followed_pairs`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, Row, select

from deploy.stores.sql.database import reading
from deploy.stores.sql.followed_pairs import of_trial
from deploy.stores.sql.schema import pairs, to_us

_NUMBERS = ("champion_error", "candidate_error", "candidate_ms")


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


def read_window(engine: Engine, since: datetime, until: datetime, *, candidate: str, champion: str) -> PairWindow:
    """The pairs of two versions in a half-open interval."""
    rows = select(pairs).where(of_trial(since, candidate, champion), pairs.c.at_us < to_us(until))
    with reading(engine) as connection:
        return _to_window(connection.execute(rows.order_by(pairs.c.at_us, pairs.c.id)).all())


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
