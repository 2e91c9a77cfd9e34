"""Side-car tables: a CSV or JSON-lines file that says of images what they show, whose they are and when they were made.

Columns are known by their names, in any order; what else a table holds is left alone.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from latentloop.errors import UnusableLabels
from latentloop.sources.names import ending_of, file_name, stem, storable

# the surer word comes first: beside a path an `id` or a `name` may be anything
ID_WORDS = ("path", "file_path", "file_name", "filename", "file", "image", "id", "image_id", "name")
LABEL_WORDS = ("label", "class", "kind", "category")
SOURCE_WORDS = ("source",)
TIME_WORDS = ("captured_at",)

LINES_ENDINGS = frozenset({".jsonl", ".ndjson"})
TABLE_ENDINGS = frozenset({".csv", ".tsv"}) | LINES_ENDINGS
STEMS = frozenset({"labels", "metadata"})
MOST_BYTES = 256 * 2**20
"""A table is held in memory whole."""

_DELIMITERS = ",;\t|"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # as spreadsheets save "Unicode text"
_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Row:
    """What a table says of one image; empty and None where it says nothing. `where` names its lines."""

    where: str
    id: str
    label: str = ""
    source: str = ""
    captured_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which column holds what; None where there is none."""

    id: int
    label: int | None
    source: int | None
    captured_at: int | None


def is_side_car(path: str) -> bool:
    """Is this a table that is read without being named: `labels.csv`, `metadata.csv` or any JSON lines?"""
    ending = ending_of(path)
    return ending in LINES_ENDINGS or (ending in TABLE_ENDINGS and stem(file_name(path)).lower() in STEMS)


def read_table(data: bytes, path: str) -> Iterator[Row]:
    """The rows of a table, one after the other; UnusableLabels with the line for what is no such table."""
    name = storable(path)
    text = _decode(data, name)
    return _read_lines(text, name) if ending_of(path) in LINES_ENDINGS else _read_csv(text, name)


def looks_like_labels(data: bytes, path: str) -> bool:
    """Does the first line name an id and something that is said of it?"""
    head = data.lstrip(b"\r\n").partition(b"\n")[0] if data[:2] not in _UTF_16 else data[:_HEAD_BYTES]
    try:
        line = _decode(head, path).partition("\n")[0]
        if ending_of(path) in LINES_ENDINGS:
            said = json.loads(line)
            return isinstance(said, dict) and _name_columns(list(said)) is not None
        return _find_columns(line) is not None
    except (ValueError, RecursionError, UnusableLabels):
        return False


def _decode(data: bytes, name: str) -> str:
    encoding = "utf-16" if data[:2] in _UTF_16 else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UnusableLabels(f"{name} line {line}: expected UTF-8, came other bytes: save it as UTF-8") from error


def _read_csv(text: str, name: str) -> Iterator[Row]:
    head = text.lstrip("\r\n").partition("\n")[0]
    found = _find_columns(head)
    if found is None:
        raise UnusableLabels(
            f"{name}: expected a first line with a column id (or {', '.join(ID_WORDS)}) and one of label "
            f"({', '.join(LABEL_WORDS[1:])}), source, captured_at; came {head.strip()[:100]!r}: name its columns"
        )
    delimiter, columns, width = found
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header_is_read = False
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if not header_is_read:
                header_is_read = True
                continue
            where = f"{name} line {reader.line_num}"
            if len(values) > width:
                raise UnusableLabels(f"{where}: expected {width} values as in its first line, came {len(values)}")
            yield _row(where, values, columns)
    except csv.Error as error:
        raise UnusableLabels(f"{name} line {reader.line_num}: cannot be read as CSV ({error}): mend it") from error


def _find_columns(head: str) -> tuple[str, _Columns, int] | None:
    """The delimiter under which the first line names an id and something else, its columns, and how many it has."""
    for delimiter in _DELIMITERS:
        try:
            names = next(csv.reader([head], delimiter=delimiter), [])
        except csv.Error:
            continue
        if (columns := _name_columns(names)) is not None:
            return delimiter, columns, len(names)
    return None


def _name_columns(names: Sequence[str]) -> _Columns | None:
    words = [name.strip().lower().replace(" ", "_").replace("-", "_") for name in names]

    def place(known: Sequence[str]) -> int | None:
        return next((words.index(word) for word in known if word in words), None)

    at, said = place(ID_WORDS), (place(LABEL_WORDS), place(SOURCE_WORDS), place(TIME_WORDS))
    return _Columns(at, *said) if at is not None and any(each is not None for each in said) else None


def _read_lines(text: str, name: str) -> Iterator[Row]:
    for number, line in enumerate(io.StringIO(text), start=1):
        if not line.strip():
            continue
        where = f"{name} line {number}"
        try:
            said = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UnusableLabels(f"{where}: expected one JSON object a line, came {line[:60]!r}: mend it") from error
        columns = _name_columns(list(said)) if isinstance(said, dict) else None
        if columns is None:
            raise UnusableLabels(
                f"{where}: expected a JSON object with an id (or {', '.join(ID_WORDS)}) and a label, source or "
                f"captured_at; came {line.strip()[:60]!r}"
            )
        used = (columns.id, columns.label, columns.source, columns.captured_at)
        yield _row(where, [_as_text(value, where, at in used) for at, value in enumerate(said.values())], columns)


def _as_text(value: object, where: str, is_used: bool) -> str:
    if isinstance(value, list | dict):
        if is_used:
            raise UnusableLabels(f"{where}: expected one word or number, came {json.dumps(value)[:60]}: one an image")
        return ""  # boxes and points beside the label are left alone
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _row(where: str, values: Sequence[str], columns: _Columns) -> Row:
    def at(place: int | None) -> str:
        return values[place].strip() if place is not None and place < len(values) else ""

    time = at(columns.captured_at)
    return Row(
        where=where,
        id=at(columns.id),
        label=storable(at(columns.label)),
        source=storable(at(columns.source)),
        captured_at=_time(time, where) if time else None,
    )


def _time(said: str, where: str) -> datetime:
    """ISO 8601, or as cameras write it; UTC where no zone is said."""
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        try:
            found = datetime.strptime(said, "%Y:%m:%d %H:%M:%S")
        except ValueError as error:
            _refuse_time(said, where, error)
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError as error:  # the first day of the calendar, in the east
        _refuse_time(said, where, error)


def _refuse_time(said: str, where: str, error: Exception) -> NoReturn:
    raise UnusableLabels(
        f"{where}: captured_at: expected a time such as 2026-03-01T14:02:03+01:00 or 2026-03-01, came {said[:60]!r}"
    ) from error
