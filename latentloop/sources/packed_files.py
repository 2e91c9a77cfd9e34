"""What was packed before: a note in the home, so that a second look at a place reads only what is new there.

It may be lost at any time: then everything is read and packed again, into segments of the same names.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.stores.errors import StoreFull, StoreUnavailable

FILE = "packed.db"
_WAIT_S = 30.0
_TABLE = """
CREATE TABLE IF NOT EXISTS packed (
    place TEXT NOT NULL, path BLOB NOT NULL, meant TEXT NOT NULL, stamp TEXT NOT NULL, sha256 BLOB NOT NULL,
    segment TEXT NOT NULL, PRIMARY KEY (place, path)
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file as it was packed: what was said of it, its stamp then, the digest of its bytes, their segment."""

    path: str
    meant: str
    stamp: str
    sha256: bytes
    segment: str


class PackedFiles:
    """The note about one place in one object store. StoreError in one line for a disk that is full or broken."""

    def __init__(self, home: Path, place: str, store: str) -> None:
        self._file = home / FILE
        self._place = hashlib.sha256(f"{store}\n{place}".encode()).hexdigest()[:32]
        with self._translated():
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._file, os.O_CREAT | os.O_RDWR, 0o600))  # names of somebody's files
            self._database = sqlite3.connect(self._file, timeout=_WAIT_S)
            with self._database:
                self._database.execute(_TABLE)

    def find(self, path: str) -> PackedFile | None:
        """The file as it was packed last."""
        question = "SELECT meant, stamp, sha256, segment FROM packed WHERE place = ? AND path = ?"
        with self._translated():
            row = self._database.execute(question, (self._place, _to_bytes(path))).fetchone()
        return PackedFile(path, *row) if row is not None else None

    def note(self, files: Sequence[PackedFile]) -> None:
        """All of them, or none."""
        rows = [(self._place, _to_bytes(it.path), it.meant, it.stamp, it.sha256, it.segment) for it in files]
        with self._translated(), self._database:
            self._database.executemany("INSERT OR REPLACE INTO packed VALUES (?, ?, ?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if "full" in str(error):
                raise StoreFull(f"{self._file}: no space left ({error}): free some, then run again") from error
            raise StoreUnavailable(
                f"{self._file}: cannot be used ({error}): it is a note of what was packed; where it is damaged, "
                "delete it and run again"
            ) from error


def _to_bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
