"""Which row of the tables means which file: by its path, else by its name, else by its name without ending.

Only what is unique counts: an id that fits several files fits none.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from latentloop.errors import UnusableLabels
from latentloop.sources.names import file_name, may_be_matched, stem, storable
from latentloop.sources.tables import Row

_SHOWN = 3
_ONE_TOO_MANY = 2


@dataclass(frozen=True, slots=True)
class Labels:
    """What the tables say of each file, by the file's path.

    `unmatched`: rows that mean no file; `ambiguous`: rows that would mean several.
    """

    of: dict[str, Row] = field(default_factory=dict)
    rows: int = 0
    unmatched: tuple[Row, ...] = ()
    ambiguous: tuple[Row, ...] = ()


class Matching:
    """Holds the rows, sees every path once, and then says which belong together."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[str, Row] = {}
        for row in rows:
            key = _key(row.id)
            self._rows[key] = _join(self._rows[key], row) if key in self._rows else row
        # a row's files, by how they were found: the surest way that found one counts
        self._found: dict[str, tuple[set[str], set[str], set[str]]] = {}
        self._examples: list[str] = []
        self._seen = 0

    def see(self, path: str) -> None:
        """Compare one file's path with the ids."""
        if not may_be_matched(path):
            return
        self._seen += 1
        if len(self._examples) < _SHOWN:
            self._examples.append(storable(path))
        for sureness, names in enumerate(_keys_of(path)):
            for name in names & self._rows.keys():
                files = self._found.setdefault(name, (set(), set(), set()))[sureness]
                if len(files) < _ONE_TOO_MANY:
                    files.add(path)

    def settle(self) -> Labels:
        """Every row's file. UnusableLabels where two rows contradict each other, and where none means a file."""
        of: dict[str, Row] = {}
        unmatched: list[Row] = []
        ambiguous: list[Row] = []
        for key, row in self._rows.items():
            files = next((each for each in self._found.get(key, ()) if each), set())
            if len(files) == 1:
                (path,) = files
                of[path] = _join(of[path], row) if path in of else row
            else:
                (ambiguous if files else unmatched).append(row)
        if self._rows and not of:
            raise UnusableLabels(self._say_nothing_fits(bool(ambiguous)))
        return Labels(of, len(self._rows), tuple(unmatched), tuple(ambiguous))

    def _say_nothing_fits(self, is_ambiguous: bool) -> str:
        first = next(iter(self._rows.values()))
        table = first.where.rpartition(" line ")[0]
        ids = ", ".join(repr(row.id) for row in list(self._rows.values())[:_SHOWN])
        why = "each fits several files" if is_ambiguous else "none fits a file"
        files = (
            f"the {self._seen:,} files are called {', '.join(map(repr, self._examples))}" if self._seen else "no file"
        )
        return (
            f"{table}: of {len(self._rows):,} ids ({ids}) {why}; {files}: write the files' paths below the folder, or "
            "their names, into the id column, or move the table away"
        )


def _key(name: str) -> str:
    """An id or path as both are compared: one form of composed letters, `/` between parts."""
    return unicodedata.normalize("NFC", name).replace("\\", "/").removeprefix("./")


def _keys_of(path: str) -> tuple[set[str], set[str], set[str]]:
    """What ids may call a file: its path, its name, its path or name without ending."""
    whole = _key(path)
    return {whole, storable(path)}, {file_name(whole)}, {stem(whole), file_name(stem(whole))}


def _join(one: Row, other: Row) -> Row:
    """Two rows of one image may complete each other; UnusableLabels when they contradict."""
    for name in ("label", "source", "captured_at"):
        here, there = getattr(one, name), getattr(other, name)
        if here and there and here != there:
            raise UnusableLabels(
                f"{one.where} and {other.where}: two rows for {one.id!r}"
                f"{'' if one.id == other.id else f' and {other.id!r}, which are one file,'} say {name} {here!s:.60} "
                f"and {there!s:.60}: leave one"
            )
    return replace(
        one,
        label=one.label or other.label,
        source=one.source or other.source,
        captured_at=one.captured_at or other.captured_at,
    )
