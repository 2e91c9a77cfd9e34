"""Decoded images in a file without a name: the same pixels, never half there, nothing left where there is no room."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from deploy.stores.catalogue import Catalogue
from deploy.stores.errors import StoreCorrupt
from deploy.stores.objects.local import LocalObjects
from tasks.dataset.pixel_file import SYSTEM_RESERVE, Reserve, read_into_file
from tasks.dataset.pixels import read_pixels
from tasks.errors import DiskFull
from tests.tasks.catalogued import catalogued
from tests.vae_core.synthetic_images import boxes
from vae_core.images.preprocessing import Preprocessing

GREY = Preprocessing(height=8, width=8)


def decode(
    catalogue: Catalogue,
    folder: Path,
    preprocessing: Preprocessing = GREY,
    reserve: Reserve | None = SYSTEM_RESERVE,
) -> np.ndarray:
    rows = catalogue.read(["segment", "row"])
    return read_into_file(catalogue, catalogue.version(), rows, preprocessing, folder, reserve)


@pytest.mark.parametrize("channels", [1, 3], ids=["grey", "rgb"])
def test_the_file_holds_what_memory_would(tmp_path: Path, channels: int) -> None:
    b, a = boxes(6, channels=channels, seed=1), boxes(4, channels=channels, seed=2)
    catalogue, preprocessing = catalogued(tmp_path, b=b, a=a), GREY.model_copy(update={"channels": channels})
    pixels = decode(catalogue, tmp_path / "work", preprocessing)
    assert isinstance(pixels, np.memmap) and not pixels.flags.writeable
    np.testing.assert_array_equal(pixels, np.concatenate([a, b]))
    rows = catalogue.read(["segment", "row"])
    np.testing.assert_array_equal(pixels, read_pixels(catalogue, catalogue.version(), rows, preprocessing))


class Watching(Catalogue):
    """A catalogue of ten images that looks into a folder as each of them is read."""

    def __init__(self, folder: Path, watched: Path) -> None:
        super().__init__(LocalObjects(folder), catalogued(folder, a=boxes(10)).name)
        self._watched = watched
        self.lay: list[list[Path]] = []

    def stream(self, columns: Sequence[str], version: int | None = None) -> Iterator[pa.Table]:
        for rows in super().stream(columns, version):
            for row in range(len(rows)):
                self.lay.append([*self._watched.iterdir()])
                yield rows.slice(row, 1)


def test_the_file_has_no_name_while_it_is_written_nor_after(tmp_path: Path) -> None:
    """So that a process that is killed at any moment leaves nothing."""
    catalogue = Watching(tmp_path, tmp_path / "work")
    pixels = decode(catalogue, tmp_path / "work")
    assert catalogue.lay == [[]] * 10
    assert [*(tmp_path / "work").iterdir()] == [] and np.array_equal(pixels[9], boxes(10)[9])


@contextmanager
def small_files() -> Iterator[None]:
    """Files of this process may have 512 bytes within: the system refuses more as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("reserves", [True, False], ids=["reserved", "found out while writing"])
def test_a_disk_without_room_is_told_in_one_line(tmp_path: Path, reserves: bool) -> None:
    folder = tmp_path / "work"
    catalogue = Watching(tmp_path, folder)
    with pytest.raises(DiskFull) as refused, small_files():
        decode(catalogue, folder, reserve=SYSTEM_RESERVE if reserves else None)
    assert str(refused.value) == (
        f"decoded images: expected room for 640 bytes in {folder}, came 'File too large'; free some on its disk, "
        "or raise training.pixels_in_memory_bytes above them where the memory has room"
    )
    assert [*folder.iterdir()] == [] and len(catalogue.lay) == (0 if reserves else 10)


def test_pixels_of_another_preprocessing_are_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(StoreCorrupt, match=r"expected 192 bytes an image \(3, 8, 8\) \(C, H, W\), came \[64\]"):
        decode(catalogued(tmp_path, a=boxes(2)), tmp_path / "work", GREY.model_copy(update={"channels": 3}))
