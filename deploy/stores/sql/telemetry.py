"""Telemetry: one row per answered or refused request, written in batches and read in windows of time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Engine, Row, and_, func, insert, select

from deploy.stores.errors import StoreCorrupt
from deploy.stores.faults import register
from deploy.stores.sql.database import reading, writing
from deploy.stores.sql.own_scores import OwnScores, pack_own, unpack_own
from deploy.stores.sql.schema import requests, to_us

WRITE = register("telemetry.write", "a batch of request rows, one transaction")

_NUMBERS = ("recon_error", "norm", "image_mean", "image_variance", "image_entropy", "latency_ms")


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request. What was not measured, of a refused image, is None.

    `at`: aware, UTC. `recon_error`: MSE per pixel and channel. `mu`: kept as float16. `norm`: ||mu||, or the mean
    length of z_e. `histogram`: (16,) shares of the pixels. `latency_ms`: milliseconds from the last byte read to the
    answer. `own`: the columns of the model's family. `image_digest`: eight bytes of the pixels' digest, as a signed
    number; never 0.
    """

    at: datetime
    request_id: str
    replica: str
    route: str
    version: str
    refusal: str | None
    recon_error: float | None
    mu: NDArray[np.floating[Any]] | None
    norm: float | None
    image_mean: float | None
    image_variance: float | None
    image_entropy: float | None
    histogram: NDArray[np.floating[Any]] | None
    latency_ms: float
    own: OwnScores = field(default_factory=dict)
    image_digest: int | None = None


@dataclass(frozen=True, slots=True)
class TelemetryWindow:
    """The rows of an interval as columns of equal length N, oldest first; missing numbers are NaN.

    `at`: datetime64[us], UTC. `mu`: (N, D) float16, `histogram`: (N, 16) float16; D is 0 when no row has such
    numbers. `own`: as `unpack_own` gives it; grids row by row. `refusal`: "" where the request was answered.
    `image_digest`: 0 where it was not kept.
    """

    at: NDArray[np.datetime64]
    request_id: NDArray[np.object_]
    replica: NDArray[np.object_]
    route: NDArray[np.object_]
    version: NDArray[np.object_]
    refusal: NDArray[np.object_]
    recon_error: NDArray[np.float64]
    norm: NDArray[np.float64]
    image_mean: NDArray[np.float64]
    image_variance: NDArray[np.float64]
    image_entropy: NDArray[np.float64]
    latency_ms: NDArray[np.float64]
    mu: NDArray[np.float16]
    histogram: NDArray[np.float16]
    own: Mapping[str, NDArray[Any]]
    image_digest: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True, slots=True)
class TelemetrySummary:
    """An interval in a few numbers; the means and quantiles are None when nothing was measured."""

    requests: int
    per_route: dict[str, int]
    per_refusal: dict[str, int]
    recon_error_mean: float | None
    latency_p50_ms: float | None
    latency_p99_ms: float | None


@dataclass(frozen=True, slots=True)
class AnsweredWindow:
    """The requests that one version answered, oldest first.

    `latency_ms` (N,): one value a request, however many images it had. `images`: how many it had in all.
    """

    latency_ms: NDArray[np.float64]
    images: int

    @property
    def count(self) -> int:
        """Answered requests, N."""
        return len(self.latency_ms)


class Telemetry:
    """The table of requests. Intervals are half open: since <= at < until."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write(self, rows: Sequence[RequestRow]) -> None:
        """Append a batch in one transaction: all of it or nothing."""
        if not rows:
            return
        with WRITE, writing(self._engine) as connection:
            connection.execute(insert(requests), [_to_values(row) for row in rows])

    def count(self, since: datetime, until: datetime) -> int:
        """How many requests came, refused ones included."""
        with reading(self._engine) as connection:
            return connection.execute(
                select(func.count()).select_from(requests).where(_within(since, until))
            ).scalar_one()

    def window(
        self,
        since: datetime,
        until: datetime,
        limit: int | None = None,
        *,
        version: str | None = None,
        first: bool = False,
    ) -> TelemetryWindow:
        """Read the rows of an interval; with `limit` the newest that many, or the `first`.

        StoreCorrupt when versions with codes of different length, or of different kinds of models, are in it: then ask
        for one version.
        """
        where = _within(since, until)
        if version is not None:
            where = and_(where, requests.c.version == version)
        order = [each.asc() if first else each.desc() for each in (requests.c.at_us, requests.c.id)]
        with reading(self._engine) as connection:
            found = connection.execute(select(requests).where(where).order_by(*order).limit(limit)).all()
        return _to_window(found if first else found[::-1])

    def answered(self, since: datetime, until: datetime, version: str) -> AnsweredWindow:
        """Latency and number of the requests that a version answered; an image is a row, a request is several."""
        query = (
            select(func.max(requests.c.latency_ms), func.count())
            .where(and_(_within(since, until), requests.c.version == version, requests.c.refusal.is_(None)))
            .group_by(requests.c.at_us, requests.c.replica, requests.c.request_id)
            .order_by(requests.c.at_us, func.min(requests.c.id))
        )
        with reading(self._engine) as connection:
            found = connection.execute(query).all()
        return AnsweredWindow(
            latency_ms=np.array([latency for latency, _ in found], dtype=np.float64),
            images=sum(int(images) for _, images in found),
        )

    def summary(self, since: datetime, until: datetime) -> TelemetrySummary:
        """Count per route and refusal; mean error and latency quantiles of the answered requests."""
        where = _within(since, until)
        answered = and_(where, requests.c.refusal.is_(None))
        with reading(self._engine) as connection:
            routes = connection.execute(
                select(requests.c.route, func.count()).where(where).group_by(requests.c.route)
            ).all()
            refusals = connection.execute(
                select(requests.c.refusal, func.count())
                .where(and_(where, requests.c.refusal.is_not(None)))
                .group_by(requests.c.refusal)
            ).all()
            error = connection.execute(select(func.avg(requests.c.recon_error)).where(answered)).scalar_one()
            latencies = connection.execute(select(requests.c.latency_ms).where(answered)).scalars().all()
        p50, p99 = np.quantile(latencies, (0.5, 0.99)).tolist() if latencies else (None, None)
        per_route = {str(route): int(n) for route, n in routes}
        return TelemetrySummary(
            requests=sum(per_route.values()),
            per_route=per_route,
            per_refusal={str(refusal): int(n) for refusal, n in refusals},
            recon_error_mean=error,
            latency_p50_ms=p50,
            latency_p99_ms=p99,
        )


def _within(since: datetime, until: datetime) -> ColumnElement[bool]:
    return and_(requests.c.at_us >= to_us(since), requests.c.at_us < to_us(until))


def _to_values(row: RequestRow) -> dict[str, object]:
    return {
        "at_us": to_us(row.at),
        "request_id": row.request_id,
        "replica": row.replica,
        "route": row.route,
        "version": row.version,
        "refusal": row.refusal,
        "recon_error": row.recon_error,
        "norm": row.norm,
        "mu": _to_blob(row.mu),
        "image_mean": row.image_mean,
        "image_variance": row.image_variance,
        "image_entropy": row.image_entropy,
        "histogram": _to_blob(row.histogram),
        "latency_ms": row.latency_ms,
        "image_digest": row.image_digest,
        "own": pack_own(row.own),
    }


def _to_blob(values: NDArray[np.floating[Any]] | None) -> bytes | None:
    return None if values is None else np.asarray(values, dtype="<f2").tobytes()


def _to_window(rows: Sequence[Row[Any]]) -> TelemetryWindow:
    columns = {
        name: list(values) for name, values in zip(requests.c.keys(), zip(*rows, strict=True), strict=bool(rows))
    } or {name: [] for name in requests.c.keys()}  # noqa: SIM118 (a SQLAlchemy collection is no dict)
    numbers = {name: np.array(columns[name], dtype=np.float64) for name in _NUMBERS}
    return TelemetryWindow(
        at=np.array(columns["at_us"], dtype="datetime64[us]"),
        request_id=_texts(columns["request_id"]),
        replica=_texts(columns["replica"]),
        route=_texts(columns["route"]),
        version=_texts(columns["version"]),
        refusal=_texts([refusal or "" for refusal in columns["refusal"]]),
        mu=_from_blobs("mu", columns["mu"]),
        histogram=_from_blobs("histogram", columns["histogram"]),
        own=unpack_own([row.own if row.own is not None else _packed_of_before(row) for row in rows]),
        image_digest=np.array([digest or 0 for digest in columns["image_digest"]], dtype=np.int64),
        **numbers,
    )


def _texts(values: Iterable[str]) -> NDArray[np.object_]:
    return np.array(list(values), dtype=object)


def _from_blobs(name: str, blobs: Sequence[bytes | None]) -> NDArray[np.float16]:
    missing = b"\x00\x7e" * _width(name, blobs)  # a float16 NaN, little endian
    joined = b"".join(missing if blob is None else blob for blob in blobs)
    values = np.frombuffer(joined, dtype="<f2").reshape(len(blobs), len(missing) // 2)
    return cast(NDArray[np.float16], values)


_BEFORE = (("logvar", "<f2", "kl"), ("codes", "<u2", "code_distance"))
"""The columns of two families, as releases before revision 0006 had them: a vector or grid, its numbers, a number."""


def _packed_of_before(row: Row[Any]) -> bytes | None:
    """A row of such a release, packed as it would be today."""
    for wide, dtype, number in _BEFORE:
        if (blob := getattr(row, wide)) is not None:
            return pack_own({wide: np.frombuffer(blob, dtype), number: _number(getattr(row, number))})
    return None


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _width(name: str, blobs: Sequence[bytes | None]) -> int:
    """Values of two bytes in each of the blobs."""
    lengths = {len(blob) // 2 for blob in blobs if blob is not None}
    if len(lengths) > 1:
        raise StoreCorrupt(
            f"telemetry column {name}: expected codes of one length, found {sorted(lengths)} "
            "values; the interval holds versions of different latent_dim, ask for one version"
        )
    return (lengths or {0}).pop()
