"""What the place of a file says of its image: its source, its kind or its time; a table beside it says it surer."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from deploy.configuration.intake import Subfolders
from latentloop.sources.labels import Labels
from latentloop.sources.names import storable

_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_. ]?(0[1-9]|1[0-2])(?:[-_. ]?(0[1-9]|[12]\d|3[01]))?(?!\d)")
_PARTED = re.compile(r"(?:^|/)((?:19|20)\d\d)(?:/(0?[1-9]|1[0-2])(?:/(0?[1-9]|[12]\d|3[01]))?)?(?=/|$)")


@dataclass(frozen=True, slots=True)
class Meant:
    """What is said of one image. `told_at` is None where only the file's own time is known."""

    source: str
    label: str = ""
    told_at: datetime | None = None

    @property
    def digest(self) -> str:
        """Equal for equal meanings."""
        time = self.told_at.isoformat() if self.told_at else ""
        return hashlib.sha256("\x00".join((self.source, self.label, time)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Meaning:
    """How the files of one place are understood. `top` names the place."""

    subfolders: Subfolders
    top: str
    labels: Labels

    def of(self, path: str) -> Meant:
        """What is known of the file at this path."""
        row = self.labels.of.get(path)
        folder = folder_of(path)
        by_folder = self.subfolders == "source" and folder
        said_at = row.captured_at if row is not None else None
        return Meant(
            source=(row.source if row is not None else "") or storable(folder if by_folder else self.top),
            label=(row.label if row is not None else "") or (kind_of(path) if self.subfolders == "kind" else ""),
            told_at=said_at or (read_date(folder) if self.subfolders == "date" else None),
        )


def folder_of(path: str) -> str:
    """The sub-folder of a path; empty at the top."""
    return path.rpartition("/")[0]


def kind_of(path: str) -> str:
    """The kind that a path names: its first sub-folder, as image collections are laid out; empty at the top."""
    first, slash, _ = path.partition("/")
    return storable(first) if slash else ""


def read_date(folder: str) -> datetime | None:
    """The day that a folder's name tells, in UTC: `2026-03-01`, `20260301`, `2026-03`, `2026/03/01`, `2026`.

    The first day where a month or a year is all that is told; None where nothing is, or no such day exists.
    """
    found = _DAY.search(folder) or _PARTED.search(folder)
    if found is None:
        return None
    year, month, day = (int(part or 1) for part in found.groups())
    try:
        return datetime(year, month, day, tzinfo=UTC)
    except ValueError:  # 30 February
        return None


def find_twin_kinds(kinds: Iterable[str]) -> list[tuple[str, ...]]:
    """Kinds whose names differ only by case, by blanks around them, or by how their letters are composed."""
    alike: dict[str, set[str]] = defaultdict(set)
    for kind in kinds:
        alike[unicodedata.normalize("NFC", kind).strip().casefold()].add(kind)
    return sorted(tuple(sorted(each)) for each in alike.values() if len(each) > 1)
