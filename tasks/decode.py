"""The pixels of many rows of the catalogue, whose encoded images pass through memory some thousands at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tasks.images import decode_image

if TYPE_CHECKING:
    import pyarrow as pa

    from deploy.stores.catalogue import Catalogue
    from vae_core.preprocessing import Preprocessing


def decode_in_memory(catalogue: Catalogue, version: int, rows: pa.Table, preprocessing: Preprocessing) -> np.ndarray:
    """The images of these rows as uint8 (N, C, H, W), by the preprocessing that serving uses."""
    pixels = np.empty((len(rows), *preprocessing.shape), dtype=np.uint8)
    for place, image in decode_each(catalogue, version, rows, preprocessing):
        pixels[place] = image
    return pixels


def decode_each(
    catalogue: Catalogue, version: int, rows: pa.Table, preprocessing: Preprocessing
) -> Iterator[tuple[int, np.ndarray]]:
    """Each image of a version's `rows` once, uint8 (C, H, W), with its place among them; in any order.

    `rows` are in the order of segment and row, and have these columns.
    """
    places, found = _Places(rows), 0
    for some in catalogue.stream(["segment", "row", "image"], version) if len(rows) else ():
        for place, data in zip(places.find(some).tolist(), some["image"], strict=True):
            if place >= 0:
                yield place, decode_image(data.as_py(), preprocessing)
                found += 1
    assert found == len(rows), "a version of the catalogue never changes, and holds each row once"


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
