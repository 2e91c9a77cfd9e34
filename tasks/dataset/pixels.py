"""The pixels of many rows of the catalogue, as input validation made them; some thousands at a time are in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tasks.run.progress import counting

if TYPE_CHECKING:
    import pyarrow as pa

    from deploy.stores.catalogue import Catalogue
    from vae_core.images.preprocessing import Preprocessing


def read_pixels(
    catalogue: Catalogue, version: int, rows: pa.Table, preprocessing: Preprocessing, what: str = "images"
) -> np.ndarray:
    """The images of these rows as uint8 (N, C, H, W); `what` they are, for who watches."""
    pixels = np.empty((len(rows), *preprocessing.shape), dtype=np.uint8)
    tell, done = counting("reading", what, len(rows)), 0
    for places, images in _read_some(catalogue, version, rows, preprocessing):
        pixels[places] = images
        tell(done := done + len(places))
    return pixels


def read_each(
    catalogue: Catalogue, version: int, rows: pa.Table, preprocessing: Preprocessing
) -> Iterator[tuple[int, np.ndarray]]:
    """Each image of a version's `rows` once, uint8 (C, H, W), with its place among them; in any order.

    `rows` are in the order of segment and row, and have these columns. StoreCorrupt for pixels of another size than
    the preprocessing's.
    """
    for places, images in _read_some(catalogue, version, rows, preprocessing):
        yield from zip(places.tolist(), images, strict=True)


def _read_some(
    catalogue: Catalogue, version: int, rows: pa.Table, preprocessing: Preprocessing
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Places (n,) among the rows with their images (n, C, H, W), until all were read."""
    places, found = _Places(rows), 0
    for some in catalogue.stream(["segment", "row", "pixels"], version) if len(rows) else ():
        at = places.find(some)
        wanted = np.flatnonzero(at >= 0)
        for start, images in _images(some, preprocessing.shape):
            here = wanted[(wanted >= start) & (wanted < start + len(images))]
            if len(here):
                yield at[here], images[here - start]
                found += len(here)
    assert found == len(rows), "a version of the catalogue never changes, and holds each row once"


def _images(rows: pa.Table, shape: tuple[int, int, int]) -> Iterator[tuple[int, np.ndarray]]:
    """The pixels of consecutive rows from the start of each chunk on, as one array (n, C, H, W) over its buffer."""
    from deploy.stores.errors import StoreCorrupt

    start, size = 0, math.prod(shape)
    for chunk in rows["pixels"].chunks:
        offsets = np.frombuffer(chunk.buffers()[1], np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
        if len(chunk) and not (np.diff(offsets) == size).all():
            raise StoreCorrupt(
                f"catalogue pixels: expected {size} bytes an image {shape} (C, H, W), came "
                f"{sorted(set(np.diff(offsets).tolist()))[:3]}; it is of another preprocessing, ingest again"
            )
        if len(chunk):
            pixels = np.frombuffer(chunk.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
            yield start, pixels.reshape(len(chunk), *shape)
        start += len(chunk)


class _Places:
    """Where rows lie among others that are in the order of segment and row."""

    def __init__(self, rows: pa.Table) -> None:
        self._segments = rows["segment"].unique()
        self._keys = self._key(rows)
        assert (np.diff(self._keys) > 0).all(), "the catalogue reads in this order"

    def find(self, rows: pa.Table) -> np.ndarray:
        """Places (n,) int64 of n rows; -1 of a row that is not there."""
        keys = self._key(rows)
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        there: np.ndarray = np.where(self._keys[places] == keys, places, -1)
        return there

    def _key(self, rows: pa.Table) -> np.ndarray:
        """One number (n,) int64 for segment and row, which is 32 bits wide; below 0 of another segment."""
        import pyarrow.compute as pc

        segments = pc.fill_null(pc.index_in(rows["segment"], value_set=self._segments), -1).to_numpy()
        key: np.ndarray = segments.astype(np.int64) << 32 | rows["row"].to_numpy()
        return key
