"""The first look at a source: how many files, which tables lie beside them, and what their places mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.configuration.intake import Subfolders
from latentloop.errors import UnusableLabels
from latentloop.sources.found import Found, Source
from latentloop.sources.labels import Labels, Matching
from latentloop.sources.meaning import Meaning, find_twin_kinds, folder_of, read_date
from latentloop.sources.names import ending_of, storable
from latentloop.sources.tables import MOST_BYTES, TABLE_ENDINGS, Row, is_side_car, looks_like_labels, read_table
from latentloop.sources.tally import Named, Tally

Say = Callable[[str], None]

_LOOKED_INTO_BYTES = 2**24  # of a file that nobody named as a table


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known before a picture is read: the number of visible files, and how each is to be understood.

    `tables` are the paths of the files that are read as labels.
    """

    files: int
    meaning: Meaning
    tables: frozenset[str]


@dataclass(slots=True)
class _Seen:
    files: int
    folders: set[str]
    tables: list[Found]
    other_tables: list[Found]
    deep_tables: Named


def survey(source: Source, subfolders: Subfolders, labels: Path | None, say: Say) -> Survey:
    """Look through the source once, and once more where a table has to be compared with it.

    `labels` is a table that a person named; without one those beside the images are taken. UnusableLabels for a table
    that cannot be used.
    """
    seen = _look(source)
    if labels is not None:
        tables = frozenset[str]()
        rows: Iterator[Row] | None = read_table(_read_named(labels), labels.name)
    else:
        beside = [each for each in seen.tables if _has_columns(source, each, say)]
        tables = frozenset(each.path for each in beside)
        rows = _read_beside(source, beside) if beside else None
        _say_overlooked(source, seen, say)
    found = _match(source, rows, tables) if rows is not None else Labels()
    _say_matched(found, say)
    _say_places(seen.folders, subfolders, say)
    return Survey(seen.files, Meaning(subfolders, source.name, found), tables)


def _look(source: Source) -> _Seen:
    seen = _Seen(0, set(), [], [], Named())
    for found in source.look(Tally()):
        seen.files += 1
        seen.folders.add(folder_of(found.path))
        if ending_of(found.path) in TABLE_ENDINGS:
            if folder_of(found.path):
                is_named_so = is_side_car(found.path)
                seen.deep_tables = seen.deep_tables.with_another(found.path) if is_named_so else seen.deep_tables
            else:
                (seen.tables if is_side_car(found.path) else seen.other_tables).append(found)
    return seen


def _read_named(labels: Path) -> bytes:
    if ending_of(labels.name) not in TABLE_ENDINGS:
        raise UnusableLabels(f"{labels}: expected a table that ends in {', '.join(sorted(TABLE_ENDINGS))}: rename it")
    try:
        with labels.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UnusableLabels(f"{labels}: cannot be read ({error.strerror}): check the path") from error
    _require_size(str(labels), len(data))
    return data


def _has_columns(source: Source, table: Found, say: Say) -> bool:
    """A file that only has the name of a table is ignored as any other, and said so."""
    _require_size(storable(table.path), table.size_bytes)
    if looks_like_labels(source.read_table(table), table.path):
        return True
    say(f"{storable(table.path)} is not read: its first line names no id with a label, source or captured_at")
    return False


def _read_beside(source: Source, tables: list[Found]) -> Iterator[Row]:
    for each in tables:
        yield from read_table(source.read_table(each), each.path)


def _require_size(name: str, size_bytes: int) -> None:
    if size_bytes > MOST_BYTES:
        raise UnusableLabels(f"{name}: expected at most {MOST_BYTES:,} bytes of labels, came {size_bytes:,}: split it")


def _match(source: Source, rows: Iterator[Row], tables: frozenset[str]) -> Labels:
    matching = Matching(rows)
    for found in source.look(Tally()):
        if found.path not in tables:
            matching.see(found.path)
    return matching.settle()


def _say_overlooked(source: Source, seen: _Seen, say: Say) -> None:
    if seen.deep_tables.count:
        say(f"{seen.deep_tables}: a table in a sub-folder is not read; name one with --labels to use it")
    if seen.tables:
        return
    for each in seen.other_tables:
        if each.size_bytes <= _LOOKED_INTO_BYTES and looks_like_labels(source.read_table(each), each.path):
            say(f"{storable(each.path)} looks like labels and is not read: `--labels {storable(each.path)}` uses it")


def _say_matched(labels: Labels, say: Say) -> None:
    if not labels.rows:
        return
    matched = labels.rows - len(labels.unmatched) - len(labels.ambiguous)
    line = f"labels: {matched:,} of {labels.rows:,} rows mean a file"
    for rows, what in ((labels.unmatched, "mean none"), (labels.ambiguous, "would mean several")):
        if rows:
            line += f"; {len(rows):,} {what}, the first is {rows[0].where} ({rows[0].id!r})"
    say(line)


def _say_places(folders: set[str], subfolders: Subfolders, say: Say) -> None:
    below = {folder for folder in folders if folder}
    if subfolders == "kind":
        kinds = sorted({folder.partition("/")[0] for folder in below})
        if any("/" in folder for folder in below):
            shown = ", ".join(map(storable, kinds[:4])) + (", …" if len(kinds) > 4 else "")
            say(f"folders lie in folders: the first below the top is the kind ({shown}); ingest one of them for others")
        for twins in find_twin_kinds(kinds):
            shown = " and ".join(repr(storable(each)) for each in twins)
            say(f"kinds {shown} differ only by case or blanks and stay apart: rename a folder where they are one kind")
    if subfolders == "date":
        undated = sorted(folder for folder in below if read_date(folder) is None)
        if undated:
            say(
                f"{len(undated):,} of {len(below):,} sub-folders name no date ({storable(undated[0])}): "
                "their images have the files' own times"
            )
