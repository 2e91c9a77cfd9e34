"""The catalogue of accepted images and the quarantine of refused ones: two versioned Delta Lake tables.

Each append is one commit that carries a Delta application transaction per capture segment (`app_id` is the
segment's key). delta-rs refuses a commit whose `app_id` was committed since the table was read, so of
processes that append the same segment at once exactly one succeeds; the others look again and find it there.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, SchemaMismatchError, TableNotFoundError

from deploy.stores.captures import CaptureStore
from deploy.stores.errors import ObjectMissing, StoreCorrupt, StoreError, StoreFull, StoreUnavailable
from deploy.stores.faults import FaultPoint, register
from deploy.stores.objects import ObjectStore

CREATE = register("catalogue.create", "an empty Delta table")
APPEND = {
    "catalogue": register("catalogue.append", "accepted rows and their segments, one Delta commit"),
    "quarantine": register("quarantine.append", "refused rows and their segments, one Delta commit"),
}

TableName = Literal["catalogue", "quarantine"]
QUARANTINED_IMAGE_BYTES = 64 * 1024
_ATTEMPTS = 20
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
# a version that a model names as its data set must stay readable: nothing is cleaned up for ten years
_CONFIGURATION: dict[str, str | None] = {
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
    "delta.dataSkippingStatsColumns": "segment,source,row,captured_at",
}


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """An accepted image. `image` is its original encoding; mean and variance are on [0, 1]."""

    digest: str
    source: str
    segment: str
    row: int
    captured_at: datetime
    name: str
    width: int
    height: int
    channels: int
    mean: float
    variance: float
    entropy_bits: float
    image: bytes


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """A refused image, with the reason; `image` keeps its first 64 KiB, `digest` is None when undecodable."""

    source: str
    segment: str
    row: int
    captured_at: datetime
    name: str
    reason: str
    detail: str
    digest: str | None
    image: bytes


@dataclass(frozen=True, slots=True)
class CatalogueCounts:
    """How many images each table holds."""

    accepted: int
    quarantined: int
    per_reason: dict[str, int]


def _schema(nullable: str = "", **types: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=name == nullable) for name, kind in types.items()])


CATALOGUE_SCHEMA = _schema(
    digest=pa.string(),
    source=pa.string(),
    segment=pa.string(),
    row=pa.int32(),
    captured_at=pa.timestamp("us", "UTC"),
    name=pa.string(),
    width=pa.int32(),
    height=pa.int32(),
    channels=pa.int32(),
    mean=pa.float64(),
    variance=pa.float64(),
    entropy_bits=pa.float64(),
    image=pa.large_binary(),
)
QUARANTINE_SCHEMA = _schema(
    nullable="digest",
    source=pa.string(),
    segment=pa.string(),
    row=pa.int32(),
    captured_at=pa.timestamp("us", "UTC"),
    name=pa.string(),
    reason=pa.string(),
    detail=pa.string(),
    digest=pa.string(),
    image=pa.large_binary(),
)
_SCHEMAS: dict[TableName, pa.Schema] = {"catalogue": CATALOGUE_SCHEMA, "quarantine": QUARANTINE_SCHEMA}


class Catalogue:
    """Both tables in an object store. A table that was never written reads as empty, at version 0."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def append_accepted(self, rows: pa.Table | Sequence[CatalogueRow], segments: Sequence[str]) -> list[str]:
        """Append the accepted rows of whole segments; returns the segments that were new.

        Rows of segments that are in the table already are left out, so the call may be repeated after any
        failure. A segment without rows is committed as well: it was seen.
        """
        return self._append("catalogue", _to_table("catalogue", rows), segments)

    def append_quarantined(self, rows: pa.Table | Sequence[QuarantineRow], segments: Sequence[str]) -> list[str]:
        """Append the refused rows of whole segments; the same promise as `append_accepted`."""
        table = _to_table("quarantine", rows)
        cut = pc.binary_slice(table["image"], 0, QUARANTINED_IMAGE_BYTES)
        position = table.schema.get_field_index("image")
        return self._append("quarantine", table.set_column(position, table.schema.field(position), cut), segments)

    def committed_segments(self, table: TableName, among: Sequence[str] | None = None) -> set[str]:
        """Those of the segments (default: all captures in this store) that the table has taken in."""
        segments = CaptureStore(self._objects).segments() if among is None else among
        opened = self._open(table)
        if opened is None:
            return set()
        with _translated(table):
            # appends are whole: one row proves its segment; the slow question is for segments without rows
            proven = set(_scan(opened, ["segment"])["segment"].unique().to_pylist())
            return {
                segment for segment in segments if segment in proven or opened.transaction_version(segment) is not None
            }

    def version(self, table: TableName = "catalogue") -> int:
        """Read the newest version; it rises with every append that had something new."""
        opened = self._open(table)
        return 0 if opened is None else int(opened.version())

    def read(
        self,
        columns: Sequence[str] | None = None,
        version: int | None = None,
        *,
        table: TableName = "catalogue",
    ) -> pa.Table:
        """Read the rows of a version (default: the newest), always in the order of segment and row."""
        schema = _SCHEMAS[table]
        wanted = list(columns) if columns is not None else list(schema.names)
        if unknown := [name for name in wanted if name not in schema.names]:
            raise ObjectMissing(f"{table}: expected columns of {schema.names}, got {unknown}; correct them")
        opened = self._open(table, version)
        if opened is None:
            return schema.empty_table().select(wanted)
        with _translated(table):
            found = _scan(opened, list(dict.fromkeys([*wanted, "segment", "row"])))
        found = found.cast(pa.schema([schema.field(name) for name in found.column_names]))
        order = pc.sort_indices(found, [("segment", "ascending"), ("row", "ascending")])
        return found.select(wanted).take(order)

    def stream(self, columns: Sequence[str], version: int | None = None) -> Iterator[pa.Table]:
        """Read the accepted rows of a version (default: the newest) some thousands at a time, in any order.

        For columns that are too large to be held at once: `read` holds them several times over while it sorts.
        """
        opened = self._open("catalogue", version)
        if opened is None:
            return
        schema = pa.schema([CATALOGUE_SCHEMA.field(name) for name in columns])
        with _translated("catalogue"):
            for batch in opened.scan(columns=list(columns)):
                yield pa.Table.from_batches([pa.record_batch(batch)]).select(schema.names).cast(schema)

    def counts(self) -> CatalogueCounts:
        """Count the images of both tables."""
        reasons = _count_values(self.read(["reason"], table="quarantine")["reason"])
        opened = self._open("catalogue")
        with _translated("catalogue"):
            accepted = 0 if opened is None else int(opened.count())
        return CatalogueCounts(accepted=accepted, quarantined=sum(reasons.values()), per_reason=reasons)

    def sources(self, version: int | None = None) -> Mapping[str, int]:
        """Count the accepted images of each source."""
        return _count_values(self.read(["source"], version)["source"])

    def _append(self, table: TableName, rows: pa.Table, segments: Sequence[str]) -> list[str]:
        strangers = set(rows["segment"].unique().to_pylist()) - set(segments)
        if strangers:
            raise ValueError(f"{table}: rows of {sorted(strangers)[:3]}, which are not among the segments given")
        self._objects.require_conditional_writes()  # Delta Lake's commits rely on them, and do not ask
        for _ in range(_ATTEMPTS):
            opened = self._open_or_create(table)
            with _translated(table):
                fresh = [each for each in dict.fromkeys(segments) if opened.transaction_version(each) is None]
                if not fresh:
                    return []
                with contextlib.suppress(CommitFailedError):  # another process was faster: look again
                    _commit(opened, rows, fresh, APPEND[table])
                    return fresh
        raise StoreUnavailable(f"{table}: lost {_ATTEMPTS} races for a commit; too many writers, try again")

    def _open(self, table: TableName, version: int | None = None) -> DeltaTable | None:
        place = self._objects.delta_location(table)
        try:
            with _translated(table):
                return DeltaTable(place.uri, version=version, storage_options=place.storage_options)
        except ObjectMissing:
            if version:
                raise
            return None

    def _open_or_create(self, table: TableName) -> DeltaTable:
        opened = self._open(table)
        if opened is not None:
            return opened
        place = self._objects.delta_location(table)
        with CREATE, _translated(table), contextlib.suppress(CommitFailedError):
            return DeltaTable.create(
                place.uri,
                schema=_SCHEMAS[table],
                mode="ignore",
                configuration=_CONFIGURATION,
                storage_options=place.storage_options,
            )
        opened = self._open(table)
        assert opened is not None, "a refused creation means that somebody else created it"
        return opened


def _commit(opened: DeltaTable, rows: pa.Table, fresh: list[str], point: FaultPoint) -> None:
    chosen = rows.filter(pc.is_in(rows["segment"], value_set=pa.array(fresh, pa.string())))
    with point:
        write_deltalake(
            opened,
            chosen,
            mode="append",
            commit_properties=CommitProperties(app_transactions=[Transaction(each, 1) for each in fresh]),
        )


def _scan(opened: DeltaTable, columns: list[str]) -> pa.Table:
    # the engine of delta-rs: pyarrow's threaded scan of a Python file system may abort at interpreter exit
    return pa.table(opened.scan(columns=columns))


def _to_table(table: TableName, rows: pa.Table | Sequence[CatalogueRow] | Sequence[QuarantineRow]) -> pa.Table:
    schema = _SCHEMAS[table]
    if isinstance(rows, pa.Table):
        if sorted(rows.column_names) != sorted(schema.names):
            raise ValueError(f"{table}: expected columns {schema.names}, got {rows.column_names}")
        return rows.select(schema.names).cast(schema)
    if any(row.captured_at.tzinfo is None for row in rows):
        raise ValueError(f"{table}: expected captured_at with a time zone; pass datetime.now(UTC)")
    columns = list(zip(*(astuple(row) for row in rows), strict=True)) or [()] * len(schema)
    arrays = [pa.array(column, kind.type) for column, kind in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _count_values(column: Any) -> dict[str, int]:
    return {entry["values"]: entry["counts"] for entry in column.value_counts().to_pylist()}


@contextlib.contextmanager
def _translated(table: TableName) -> Iterator[None]:
    try:
        yield
    except CommitFailedError:
        raise
    except (DeltaError, OSError) as error:
        raise _translate(table, error) from error


def _translate(table: TableName, error: Exception) -> StoreError:
    said = " ".join(_ANSI.sub("", str(error)).split())[:300]
    if isinstance(error, TableNotFoundError):
        return ObjectMissing(f"Delta table {table}: expected one, found none ({said})")
    if "not the same as the specified end version" in said:
        return ObjectMissing(f"Delta table {table}: it has no such version ({said}); ask for an older one")
    if isinstance(error, SchemaMismatchError):
        return StoreCorrupt(f"Delta table {table}: it has other columns ({said}); newer Latentloop?")
    if "os error 28" in said or "No space left" in said or "File too large" in said:
        return StoreFull(f"Delta table {table}: no space left ({said}); nothing was committed, free some")
    return StoreUnavailable(f"Delta table {table}: its store does not answer as expected ({said})")
