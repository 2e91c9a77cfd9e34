"""The catalogue of accepted images and the quarantine of refused ones: two versioned Delta Lake tables.

A catalogue belongs to one preprocessing, whose digest begins its name: it holds the pixels that preprocessing made, so
another one is another pair of tables, filled from the captures again. The empty name is the pair that 0.1.0 wrote, with
files in place of pixels: which segments a version of it holds can still be read.

Each append is one commit that carries a Delta application transaction per capture segment (`app_id` is the
segment's key; a later judging of the same segment adds its number). delta-rs refuses a commit whose `app_id` was
committed since the table was read, so of processes that append the same segment at once exactly one succeeds; the
others look again and find it there.
"""

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import ColumnProperties, CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, SchemaMismatchError, TableNotFoundError

from deploy.stores.catalogue_rows import (
    CATALOGUE_SCHEMA,
    LABELLED,
    QUARANTINED_IMAGE_BYTES,
    RELEASED,
    SCHEMAS,
    CatalogueRow,
    QuarantineRow,
    TableName,
    to_table,
)
from deploy.stores.errors import ObjectMissing, StoreCorrupt, StoreError, StoreFull, StoreUnavailable
from deploy.stores.faults import FaultPoint, register
from deploy.stores.objects.captures import CaptureStore
from deploy.stores.objects.port import DeltaLocation, ObjectStore

CREATE = register("catalogue.create", "an empty Delta table")
APPEND = {
    "catalogue": register("catalogue.append", "accepted rows and their segments, one Delta commit"),
    "quarantine": register("quarantine.append", "refused rows and their segments, one Delta commit"),
}
LABEL = register("catalogue.label", "labels of rows that had none, one Delta commit")

NAME_LETTERS = 12
_DATASET = re.compile(rf"(?:([0-9a-f]{{{NAME_LETTERS}}})-)?([0-9]{{1,18}})", re.ASCII)
_ATTEMPTS = 20
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
# a version that a model names as its data set must stay readable: nothing is cleaned up for ten years
_CONFIGURATION: dict[str, str | None] = {
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
    "delta.dataSkippingStatsColumns": "segment,source,row,captured_at",
}
# of 1 to 9, 1 is within a tenth of the smallest at less than half the time: 28 px grey products 445 bytes (9: 434) at
# 3 us an image, 64 px colour photographs 2,733 (9: 2,306) at 41 us, where uncompressed pixels take 22 us
_ZSTD_LEVEL = 1
_ROW_GROUP_BYTES = 32 * 2**20  # of pixels: a reader gets at most so many at once


@dataclass(frozen=True, slots=True)
class CatalogueCounts:
    """How many images each table holds; an image that was released from quarantine counts as accepted alone."""

    accepted: int
    quarantined: int
    per_reason: dict[str, int]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A version of a catalogue of this name, as an artifact and its registered version name it."""

    catalogue: str
    version: int

    def __str__(self) -> str:
        return f"{self.catalogue}-{self.version}" if self.catalogue else str(self.version)

    @classmethod
    def parse(cls, text: str) -> "Dataset | None":
        """Read such a name, also a bare number as 0.1.0 wrote it; None for anything else."""
        found = _DATASET.fullmatch(text)
        return None if found is None else cls(found[1] or "", int(found[2]))


class Catalogue:
    """Both tables in an object store. A table that was never written reads as empty, at version 0."""

    def __init__(self, objects: ObjectStore, preprocessing: str) -> None:
        """`preprocessing`: the digest of the one whose pixels it holds, or the name that another catalogue had."""
        self._objects = objects
        self.name = preprocessing[:NAME_LETTERS]

    def append_accepted(
        self, rows: pa.Table | Sequence[CatalogueRow], segments: Sequence[str], rounds: Mapping[str, int] | None = None
    ) -> list[str]:
        """Append the accepted rows of whole segments; returns the segments that were new.

        Rows of segments that are in the table already are left out, so the call may be repeated after any
        failure. A segment without rows is committed as well: it was seen. `rounds`: which judging of each segment
        this is, from 1 on; the first where nothing is said.
        """
        return self._append("catalogue", to_table("catalogue", rows), segments, rounds or {})

    def append_quarantined(
        self, rows: pa.Table | Sequence[QuarantineRow], segments: Sequence[str], rounds: Mapping[str, int] | None = None
    ) -> list[str]:
        """Append decisions on rows of these segments; the same promise as `append_accepted`."""
        table = to_table("quarantine", rows)
        cut = pc.binary_slice(table["image"], 0, QUARANTINED_IMAGE_BYTES)
        position = table.schema.get_field_index("image")
        cut_table = table.set_column(position, table.schema.field(position), cut)
        return self._append("quarantine", cut_table, segments, rounds or {})

    def add_labels(self, labels: Mapping[tuple[str, int], str]) -> int:
        """Give these rows (segment, row) their label, where they have none; returns how many had none.

        A new version of the table in which nothing else is changed; the call may be repeated after any failure.
        """
        for _ in range(_ATTEMPTS):
            opened = self._open("catalogue")
            if opened is None:
                return 0
            columns = ["segment", "row", "label", "channels", "height", "width"]
            there = self.read(columns, int(opened.version()), segments={segment for segment, _ in labels}).to_pylist()
            bare = [each for each in there if not each["label"] and (each["segment"], each["row"]) in labels]
            if not bare:
                return 0
            fresh = pa.table(
                {
                    "segment": pa.array([each["segment"] for each in bare], pa.string()),
                    "row": pa.array([each["row"] for each in bare], pa.int32()),
                    "label": pa.array([labels[each["segment"], each["row"]] for each in bare], pa.string()),
                }
            )
            row_bytes = max(each["channels"] * each["height"] * each["width"] for each in bare)
            with _translated("catalogue"), contextlib.suppress(CommitFailedError):  # somebody was faster: look again
                with LABEL:
                    opened.merge(
                        fresh,
                        "t.segment = s.segment AND t.row = s.row AND t.label = ''",
                        source_alias="s",
                        target_alias="t",
                        writer_properties=_writing(row_bytes, CATALOGUE_SCHEMA.names),
                    ).when_matched_update({"label": "s.label"}).execute()
                return len(bare)
        raise _lost_races("catalogue")

    def decisions(self, columns: Sequence[str] = ()) -> pa.Table:
        """The newest decision on each row that ever was in quarantine, in the order of segment and row."""
        wanted = list(dict.fromkeys([*columns, "segment", "row", "reason", "policy", "round"]))
        rows = self.read(wanted, table="quarantine")
        order = pc.sort_indices(rows, [("segment", "ascending"), ("row", "ascending"), ("round", "ascending")])
        rows = rows.take(order)
        if len(rows) < 2:
            return rows
        segments, numbers = rows["segment"].combine_chunks(), rows["row"].combine_chunks()
        changes = pc.or_(
            pc.not_equal(segments.slice(1), segments.slice(0, len(rows) - 1)),
            pc.not_equal(numbers.slice(1), numbers.slice(0, len(rows) - 1)),
        )
        return rows.filter(pa.concat_arrays([changes, pa.array([True])]))

    def committed_segments(self, table: TableName, among: Sequence[str] | None = None) -> set[str]:
        """Those of the segments (default: all captures in this store) that the table has taken in."""
        segments = CaptureStore(self._objects).segments() if among is None else among
        opened = self._open(table)
        if opened is None:
            return set()
        with _translated(table):
            # appends are whole: one row proves its segment; the slow question is for segments without rows
            proven: set[str] = set()
            for batch in opened.scan(columns=["segment"]):  # never all rows at once: there may be millions
                proven.update(pc.unique(pa.record_batch(batch).column(0)).to_pylist())
            return {
                segment for segment in segments if segment in proven or opened.transaction_version(segment) is not None
            }

    def committed_rounds(self, table: TableName, rounds: Mapping[str, int]) -> set[str]:
        """Those of the segments of which the table has taken in the judging of this number; 0 is the first."""
        opened = self._open(table) if rounds else None
        if opened is None:
            return set()
        with _translated(table):
            return {
                segment
                for segment, number in rounds.items()
                if opened.transaction_version(_app_id(segment, number)) is not None
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
        segments: Collection[str] | None = None,
    ) -> pa.Table:
        """Read the rows of a version (default: the newest), always in the order of segment and row.

        `segments`: only the rows of these.
        """
        schema = SCHEMAS[table]
        wanted = list(columns) if columns is not None else list(schema.names)
        if unknown := [name for name in wanted if name not in schema.names]:
            raise ObjectMissing(f"{table}: expected columns of {schema.names}, got {unknown}; correct them")
        opened = self._open(table, version)
        if opened is None:
            return schema.empty_table().select(wanted)
        with _translated(table):
            found = _scan(opened, list(dict.fromkeys([*wanted, "segment", "row"])), segments)
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
        reasons = _count_values(self.decisions()["reason"])
        for accepted_otherwise in (RELEASED, LABELLED):
            reasons.pop(accepted_otherwise, None)
        return CatalogueCounts(accepted=self.count_accepted(), quarantined=sum(reasons.values()), per_reason=reasons)

    def count_accepted(self) -> int:
        """Count the accepted images by what Delta keeps of each file; no file is read."""
        opened = self._open("catalogue")
        with _translated("catalogue"):
            return 0 if opened is None else int(opened.count())

    def sources(self, version: int | None = None) -> Mapping[str, int]:
        """Count the accepted images of each source."""
        return _count_values(self.read(["source"], version)["source"])

    def _append(
        self, table: TableName, rows: pa.Table, segments: Sequence[str], rounds: Mapping[str, int]
    ) -> list[str]:
        strangers = set(rows["segment"].unique().to_pylist()) - set(segments)
        if strangers:
            raise ValueError(f"{table}: rows of {sorted(strangers)[:3]}, which are not among the segments given")
        self._objects.require_conditional_writes()  # Delta Lake's commits rely on them, and do not ask
        for _ in range(_ATTEMPTS):
            opened = self._open_or_create(table)
            with _translated(table):
                fresh = {
                    each: app_id
                    for each in dict.fromkeys(segments)
                    if opened.transaction_version(app_id := _app_id(each, rounds.get(each, 0))) is None
                }
                if not fresh:
                    return []
                with contextlib.suppress(CommitFailedError):  # another process was faster: look again
                    _commit(opened, rows, fresh, APPEND[table])
                    return list(fresh)
        raise _lost_races(table)

    def _place(self, table: TableName) -> DeltaLocation:
        return self._objects.delta_location(f"{table}-{self.name}" if self.name else table)

    def _open(self, table: TableName, version: int | None = None) -> DeltaTable | None:
        place = self._place(table)
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
        place = self._place(table)
        with CREATE, _translated(table), contextlib.suppress(CommitFailedError):
            return DeltaTable.create(
                place.uri,
                schema=SCHEMAS[table],
                mode="ignore",
                configuration=_CONFIGURATION,
                storage_options=place.storage_options,
            )
        opened = self._open(table)
        assert opened is not None, "a refused creation means that somebody else created it"
        return opened


def _app_id(segment: str, number: int) -> str:
    return f"{segment}#{number}" if number else segment


def _commit(opened: DeltaTable, rows: pa.Table, fresh: Mapping[str, str], point: FaultPoint) -> None:
    chosen = rows.filter(pc.is_in(rows["segment"], value_set=pa.array(list(fresh), pa.string())))
    with point:
        write_deltalake(
            opened,
            chosen,
            mode="append",
            writer_properties=_writing(chosen.nbytes / max(len(chosen), 1), chosen.column_names),
            commit_properties=CommitProperties(app_transactions=[Transaction(each, 1) for each in fresh.values()]),
        )


def _writing(row_bytes: float, columns: Sequence[str]) -> WriterProperties:
    """Pixels without a dictionary and without statistics, and so many rows together that a reader can hold them."""
    plain = ColumnProperties(dictionary_enabled=False, statistics_enabled="NONE")
    return WriterProperties(
        compression="ZSTD",
        compression_level=_ZSTD_LEVEL,
        max_row_group_size=max(1, int(_ROW_GROUP_BYTES / max(row_bytes, 1))),
        column_properties={name: plain for name in ("pixels", "image") if name in columns},
    )


def _lost_races(table: TableName) -> StoreUnavailable:
    return StoreUnavailable(f"{table}: lost {_ATTEMPTS} races for a commit; too many writers, try again")


def _scan(opened: DeltaTable, columns: list[str], segments: Collection[str] | None) -> pa.Table:
    # the engine of delta-rs: pyarrow's threaded scan of a Python file system may abort at interpreter exit
    # not pa.table(), which loads pandas first, to know its tables
    if segments is None:
        return pa.RecordBatchReader.from_stream(opened.scan(columns=columns)).read_all()
    quoted = ", ".join("'" + each.replace("'", "''") + "'" for each in sorted(segments)) or "''"
    found = opened.scan(columns=columns, predicate=f"segment IN ({quoted})")
    return pa.RecordBatchReader.from_stream(found).read_all()


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
