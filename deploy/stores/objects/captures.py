"""Captures: production images on their way in, as immutable Parquet segments in the object store.

`captures/requests/<replica>/<sequence>.parquet` comes from a serving replica,
`captures/files/<sha256>.parquet` from a folder of files; the latter is named by its content, so packing a
folder twice makes no second segment.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from deploy.stores.errors import PreconditionFailed, StoreCorrupt
from deploy.stores.faults import register
from deploy.stores.objects.port import ObjectStore

SEGMENT = register("captures.segment", "one immutable segment of captured images")

PREFIX = "captures/"
_SCHEMA = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("captured_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("data", pa.binary(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
    ],
    metadata={"latentloop.schema_version": "2"},
)
GROUP_BYTES = 8 * 2**20
_STREAMED_IMAGES, _STREAMED_BYTES = 1_000, 4 * 2**20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SINCE_2 = "label"  # segments of schema 1 have no such column: their images have no label


@dataclass(frozen=True, slots=True)
class CapturedImage:
    """One image as it arrived: `data` are the encoded bytes, `captured_at` is aware, `label` is empty where unknown."""

    name: str
    source: str
    captured_at: datetime
    data: bytes
    label: str = ""


def encode_segment(images: Sequence[CapturedImage], group_bytes: int = GROUP_BYTES) -> bytes:
    """Make a Parquet file; equal images give equal bytes (within one version of pyarrow).

    Rows are written in groups of at most `group_bytes`, or of one image: Arrow holds a group several times over.
    """
    for image in images:
        if image.captured_at.tzinfo is None:
            raise ValueError(f"capture {image.name}: expected captured_at with a time zone; pass datetime.now(UTC)")
    sink = io.BytesIO()
    # image bytes are compressed already: no second compression, no dictionary
    options = {"compression": "none", "use_dictionary": ["source"], "write_page_checksum": True}
    with pq.ParquetWriter(sink, _SCHEMA, **options) as writer:
        for group in _groups(images, group_bytes):
            writer.write_table(_to_table(group))
    return sink.getvalue()


def _groups(images: Sequence[CapturedImage], group_bytes: int) -> Iterator[Sequence[CapturedImage]]:
    """Rows that are written together. At least one group, which may be empty."""
    first = held = 0
    for number, image in enumerate(images):
        if held and held + len(image.data) > group_bytes:
            yield images[first:number]
            first, held = number, 0
        held += len(image.data)
    yield images[first:]


def _to_table(images: Sequence[CapturedImage]) -> pa.Table:
    columns = [
        pa.array([image.name for image in images], pa.string()),
        pa.array([image.source for image in images], pa.string()),
        pa.array([image.captured_at.astimezone(UTC) for image in images], pa.timestamp("us", tz="UTC")),
        pa.array([image.data for image in images], pa.binary()),
        pa.array([image.label for image in images], pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


def decode_segment(data: bytes) -> list[CapturedImage]:
    """Read the images in their order; StoreCorrupt when the bytes are no segment."""
    return [image for some in stream_segment(data) for image in some]


def stream_segment(data: bytes) -> Iterator[list[CapturedImage]]:
    """Read the images in their order, some megabytes at a time; StoreCorrupt, perhaps at the end, as `decode_segment`.

    So that their bytes are in memory once, whatever is made of them.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        at_once = max(1, min(_STREAMED_IMAGES, _STREAMED_BYTES * file.metadata.num_rows // max(len(data), 1)))
        _with_labels(file.schema_arrow.empty_table()).cast(_SCHEMA)
        # one thread: a threaded read of memory may abort the interpreter at its exit (apache/arrow 33975)
        for batch in file.iter_batches(batch_size=at_once, use_threads=False):
            table = _with_labels(pa.Table.from_batches([batch])).cast(_SCHEMA)
            # pyarrow's own way to a datetime takes six times as long
            times = [_EPOCH + timedelta(microseconds=us) for us in table["captured_at"].cast(pa.int64()).to_pylist()]
            names, sources, contents, labels = (table[each].to_pylist() for each in ("name", "source", "data", "label"))
            yield list(map(CapturedImage, names, sources, times, contents, labels))
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise StoreCorrupt(
            f"capture segment of {len(data)} bytes: expected Parquet with {_SCHEMA.names}, "
            f"got {str(error)[:200]!r}; delete it or capture again"
        ) from error


def _with_labels(table: pa.Table) -> pa.Table:
    if _SINCE_2 in table.column_names:
        return table
    return table.append_column(_SCHEMA.field(_SINCE_2), pa.array([""] * len(table), pa.string()))


class CaptureStore:
    """The segments of an object store."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def write(self, replica: str, sequence: int, images: Sequence[CapturedImage]) -> str:
        """Write the segment of a replica; returns its key.

        Writing the same images again is silent (a lost reply); PreconditionFailed when another segment has
        this sequence: take a higher one.
        """
        key = f"{PREFIX}requests/{replica}/{sequence:012d}.parquet"
        data = encode_segment(images)
        with SEGMENT:
            try:
                self._objects.put(key, data, if_absent=True)
            except PreconditionFailed:
                if self._objects.get(key).data != data:
                    raise
        return key

    def write_by_content(self, images: Sequence[CapturedImage], told: bytes = b"") -> str:
        """Write a segment named by its names, sources, bytes and labels, not by the time; idempotent.

        `told`: what else makes it another segment, such as times that are more than a file's own.
        """
        key = f"{PREFIX}files/{_content_digest(images, told)}.parquet"
        if self._objects.etag(key) is not None:
            return key
        with SEGMENT:
            try:
                self._objects.put(key, encode_segment(images), if_absent=True)
            except PreconditionFailed:
                return key
        return key

    def segments(self) -> list[str]:
        """List the keys of all segments, sorted."""
        return [key for key in self._objects.keys(PREFIX) if key.endswith(".parquet")]

    def stream(self, key: str) -> Iterator[list[CapturedImage]]:
        """Read the images of a segment some at a time, so that their bytes are held once; errors as of `read`."""
        return stream_segment(self._objects.read(key))

    def read(self, key: str) -> list[CapturedImage]:
        """Read the images of a segment; ObjectMissing or StoreCorrupt."""
        return decode_segment(self._objects.get(key).data)


def _content_digest(images: Sequence[CapturedImage], told: bytes) -> str:
    labelled = any(image.label for image in images)
    digest = hashlib.sha256(b"labelled" if labelled else b"")  # without labels the name is that of schema 1
    parts = [told] if told else []
    for image in images:
        label = (image.label.encode(),) if labelled else ()
        parts += (image.name.encode(), image.source.encode(), image.data, *label)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
