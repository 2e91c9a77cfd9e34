"""Reads a directory of a TIFF file, which is also what EXIF is made of.

Source: TIFF 6.0, section 2. Nothing is read that lies outside of the data, and no list longer than was asked for.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

_MOST_ENTRIES = 1024
"""A camera's directory has dozens."""
_UNIT = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I"}
ORIENTATION = 274


class BrokenDirectory(ValueError):
    """The data is no directory, or one that ends outside of the data."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One field: its type, how many values it has, where they begin (bytes), and the 12 bytes that say so."""

    kind: int
    count: int
    start: int
    raw: bytes

    @property
    def size(self) -> int:
        """Bytes of its values."""
        return self.count * _UNIT[self.kind]


@dataclass(frozen=True, slots=True)
class Directory:
    """The entries by their tag, each with all its values inside of the data, and the place of the next directory."""

    data: bytes
    order: str
    entries: Mapping[int, Entry]
    following: int

    def numbers(self, tag: int, most: int = 4) -> tuple[int, ...]:
        """The whole numbers of a field, none where it is missing; BrokenDirectory for another type or more of them."""
        entry = self.entries.get(tag)
        if entry is None:
            return ()
        if entry.kind not in _WHOLE_NUMBERS or entry.count > most:
            raise BrokenDirectory(f"field {tag} has {entry.count} values of type {entry.kind}")
        return struct.unpack_from(f"{self.order}{entry.count}{_WHOLE_NUMBERS[entry.kind]}", self.data, entry.start)

    def number(self, tag: int, otherwise: int) -> int:
        """The first whole number of a field."""
        found = self.numbers(tag)
        return found[0] if found else otherwise

    def content(self, tag: int) -> bytes | None:
        """The bytes of a field's values."""
        entry = self.entries.get(tag)
        return None if entry is None else self.data[entry.start : entry.start + entry.size]


def read_byte_order(data: bytes) -> str:
    """`<` or `>`, as `struct` says it; BrokenDirectory where the data does not begin like a TIFF file."""
    if data[:4] == b"II*\x00":
        return "<"
    if data[:4] == b"MM\x00*":
        return ">"
    raise BrokenDirectory(f"it begins with {data[:4]!r}")


def read_directory(data: bytes, start: int, order: str) -> Directory:
    """Read the directory at `start`; fields of unknown types, and those that end outside of the data, are left out."""
    if start < 8 or start + 2 > len(data):
        raise BrokenDirectory(f"a directory at byte {start} of {len(data)}")
    (count,) = struct.unpack_from(f"{order}H", data, start)
    end = start + 2 + 12 * count
    if not 0 < count <= _MOST_ENTRIES or end > len(data):
        raise BrokenDirectory(f"a directory of {count} fields at byte {start} of {len(data)}")
    entries: dict[int, Entry] = {}
    for place in range(start + 2, end, 12):
        tag, kind, values, inside = struct.unpack_from(f"{order}HHII", data, place)
        size = values * _UNIT.get(kind, 0)
        at = place + 8 if size <= 4 else inside
        if kind in _UNIT and at + size <= len(data):
            entries.setdefault(tag, Entry(kind, values, at, data[place : place + 12]))
    following = struct.unpack_from(f"{order}I", data, end)[0] if end + 4 <= len(data) else 0
    return Directory(data, order, entries, following)


def read_orientation(exif: bytes) -> int:
    """EXIF's orientation, 1 to 8; 1 where it says nothing that can be read, as every viewer takes it."""
    try:
        order = read_byte_order(exif)
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        return as_orientation(read_directory(exif, start, order))
    except (BrokenDirectory, struct.error):
        return 1


def as_orientation(directory: Directory) -> int:
    """The orientation that a directory states, 1 where it states none of the eight."""
    try:
        stated = directory.number(ORIENTATION, 1)
    except BrokenDirectory:
        return 1
    return stated if 1 <= stated <= 8 else 1
