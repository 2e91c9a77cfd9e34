"""Images that are more than memory should hold: in a file of the work folder, mapped and never named.

The file has no name from its first byte on, so that nobody can find it half written, take it for the rows of another
plan, or have to remove it: its bytes are free again with the last array over it, and with the process, however that
ends. A training that begins again reads them again, as it does in memory.
"""

from __future__ import annotations

import errno
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.dataset.pixels import read_each
from tasks.errors import DiskFull
from tasks.run.progress import counting

if TYPE_CHECKING:
    import pyarrow as pa

    from deploy.stores.catalogue import Catalogue
    from vae_core.images.preprocessing import Preprocessing

Reserve = Callable[[int, int, int], None]
"""Takes room on the disk for a file: its descriptor, the first byte, how many."""

SYSTEM_RESERVE: Reserve | None = getattr(os, "posix_fallocate", None)
"""None on macOS, which finds out while it writes."""

TOLD_EVERY = 512  # images
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def read_into_file(
    catalogue: Catalogue,
    version: int,
    rows: pa.Table,
    preprocessing: Preprocessing,
    folder: Path,
    reserve: Reserve | None = SYSTEM_RESERVE,
) -> np.ndarray:
    """The images of these rows, at least one, as uint8 (N, C, H, W) of a mapped file that may not be written to.

    DiskFull where it has no room in the folder, before an image was read where the system can `reserve`; nothing stays
    behind.
    """
    shape = (len(rows), *preprocessing.shape)
    size, image_size = math.prod(shape), math.prod(preprocessing.shape)
    with _told(folder, size):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            if reserve is not None:
                reserve(file.fileno(), 0, size)
            tell = counting("reading", f"images, {size / 1e9:,.1f} GB of pixels into a file in {folder}", len(rows))
            for done, (place, image) in enumerate(read_each(catalogue, version, rows, preprocessing)):
                if done % TOLD_EVERY == 0:
                    tell(done)
                file.seek(place * image_size)
                file.write(image.data)
            file.flush()
            os.fsync(file.fileno())  # a disk that is reached over a network may refuse only now
            return np.memmap(file, np.uint8, mode="r", shape=shape)


@contextmanager
def _told(folder: Path, size: int) -> Iterator[None]:
    """DiskFull in the place of the system's error; all others stay."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise DiskFull(
            f"decoded images: expected room for {size:,} bytes in {folder}, came {error.strerror!r}; free some on its "
            "disk, or raise training.pixels_in_memory_bytes above them where the memory has room"
        ) from error
