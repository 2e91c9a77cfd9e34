"""The rows of catalogue and quarantine: what an accepted image is, and what was decided of a refused one."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Literal

import pyarrow as pa

TableName = Literal["catalogue", "quarantine"]
QUARANTINED_IMAGE_BYTES = 64 * 1024
RELEASED, DISCARDED = "released", "discarded"
LABELLED, LABEL_DIFFERS = "labelled", "label_differs"
ENDED = frozenset({RELEASED, DISCARDED, LABELLED})
"""Decisions that end a row's stay in quarantine: it was accepted after all, a person gave it up, or it was a known
image that brought its label."""


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """An accepted image as it is trained on; mean and variance are on [0, 1].

    `pixels`: its bytes, uint8 of channels x height x width, named by `digest`. `original`: sha256 of the file as it
    came, which the captures keep. `label`: empty where unknown. `conversions`: what was done to the picture, in order
    and separated by `, `; empty where it came as it is used. `preprocessing`, `policy`: digests of what made the
    pixels and of what let them in. `vouched`: the reason of a person who let it in against the policy, or empty.
    """

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
    pixels: bytes
    original: str = ""
    label: str = ""
    conversions: str = ""
    preprocessing: str = ""
    policy: str = ""
    vouched: str = ""


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """One decision on an image that did not come in at once; the one of the highest `round` counts.

    Round 0 is that of its first judging, and keeps the first 64 KiB of a file that gave no pixels; later ones keep no
    bytes. `reason`: why it is refused, or `released` or `discarded`. `policy`: digest of what decided. `digest`,
    `mean` and `variance` on [0, 1] and `entropy_bits` are None where it has no pixels. `vouched`: why a person
    released it.
    """

    source: str
    segment: str
    row: int
    captured_at: datetime
    name: str
    reason: str
    detail: str
    digest: str | None
    image: bytes
    policy: str = ""
    round: int = 0
    decided_at: datetime | None = None
    mean: float | None = None
    variance: float | None = None
    entropy_bits: float | None = None
    vouched: str = ""


def _schema(nullable: Sequence[str] = (), **types: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=name in nullable) for name, kind in types.items()])


_TIME = pa.timestamp("us", "UTC")
CATALOGUE_SCHEMA = _schema(
    digest=pa.string(),
    source=pa.string(),
    segment=pa.string(),
    row=pa.int32(),
    captured_at=_TIME,
    name=pa.string(),
    width=pa.int32(),
    height=pa.int32(),
    channels=pa.int32(),
    mean=pa.float64(),
    variance=pa.float64(),
    entropy_bits=pa.float64(),
    pixels=pa.large_binary(),
    original=pa.string(),
    label=pa.string(),
    conversions=pa.string(),
    preprocessing=pa.string(),
    policy=pa.string(),
    vouched=pa.string(),
)
QUARANTINE_SCHEMA = _schema(
    nullable=("digest", "decided_at", "mean", "variance", "entropy_bits"),
    source=pa.string(),
    segment=pa.string(),
    row=pa.int32(),
    captured_at=_TIME,
    name=pa.string(),
    reason=pa.string(),
    detail=pa.string(),
    digest=pa.string(),
    image=pa.large_binary(),
    policy=pa.string(),
    round=pa.int32(),
    decided_at=_TIME,
    mean=pa.float64(),
    variance=pa.float64(),
    entropy_bits=pa.float64(),
    vouched=pa.string(),
)
SCHEMAS: dict[TableName, pa.Schema] = {"catalogue": CATALOGUE_SCHEMA, "quarantine": QUARANTINE_SCHEMA}


def to_table(table: TableName, rows: pa.Table | Sequence[CatalogueRow] | Sequence[QuarantineRow]) -> pa.Table:
    """Bring rows, or a table with all of their columns, into the table's own form; ValueError for anything else."""
    schema = SCHEMAS[table]
    if isinstance(rows, pa.Table):
        if sorted(rows.column_names) != sorted(schema.names):
            raise ValueError(f"{table}: expected columns {schema.names}, got {rows.column_names}")
        return rows.select(schema.names).cast(schema)
    if any(row.captured_at.tzinfo is None for row in rows):
        raise ValueError(f"{table}: expected captured_at with a time zone; pass datetime.now(UTC)")
    columns = list(zip(*(astuple(row) for row in rows), strict=True)) or [()] * len(schema)
    arrays = [pa.array(column, kind.type) for column, kind in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
