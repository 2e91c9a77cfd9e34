"""The boxes of an ISO media file, and where the data of its items lies.

Source: ISO/IEC 14496-12, 4.2 (boxes), 8.11.1 (meta), 8.11.3 (item locations) and 8.11.6 (item information).
"""

from collections.abc import Iterator, Mapping

Span = tuple[int, int]
"""First byte and the byte behind the last."""

_MOST_BOXES = 1_000
_MOST_ITEMS = 4_096


class BrokenBoxes(ValueError):
    """The boxes do not fit into one another or into the file."""


def list_boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, Span]]:
    """Kind and content of each box between two places, which they fill; BrokenBoxes where they do not."""
    for _ in range(_MOST_BOXES):
        if start == end:
            return
        length, head = int.from_bytes(data[start : start + 4]), 8
        if length == 1:
            length, head = int.from_bytes(data[start + 8 : start + 16]), 16
        elif length == 0:  # up to the end
            length = end - start
        if length < head or start + length > end:
            raise BrokenBoxes(f"a box of {length} bytes at byte {start} of {end}")
        yield data[start + 4 : start + 8], (start + head, start + length)
        start += length
    raise BrokenBoxes(f"more than {_MOST_BOXES} boxes")


def find_items(data: bytes) -> Mapping[int, tuple[Span, ...]]:
    """The pieces of each item's data, by its number; items that lie in no file or in another are left out."""
    top = dict(reversed(list(list_boxes(data, 0, len(data)))))
    if b"meta" not in top:
        return {}
    start, end = top[b"meta"]
    inner = dict(reversed(list(list_boxes(data, start + 4, end))))
    return _read_locations(data, *inner[b"iloc"], inner.get(b"idat")) if b"iloc" in inner else {}


def _read_locations(data: bytes, start: int, end: int, local: Span | None) -> Mapping[int, tuple[Span, ...]]:
    if end - start < 6:
        raise BrokenBoxes("item locations that end early")
    version, sizes = data[start], data[start + 4 : start + 6]
    if version > 2:
        raise BrokenBoxes(f"item locations of version {version}")
    offset_size, length_size, base_size = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    index_size = sizes[1] & 15 if version else 0
    reader = _Reader(data, start + 6, end)
    found: dict[int, tuple[Span, ...]] = {}
    for _ in range(min(reader.number(4 if version == 2 else 2), _MOST_ITEMS)):
        name = reader.number(4 if version == 2 else 2)
        method = reader.number(2) & 15 if version else 0
        reader.number(2)
        base = reader.number(base_size)
        pieces = []
        for _ in range(reader.number(2)):
            reader.number(index_size)
            offset, length = base + reader.number(offset_size), reader.number(length_size)
            first = offset + (local[0] if method == 1 and local is not None else 0)
            pieces.append((first, first + length if length else len(data)))
        if method < 2:
            found[name] = tuple(pieces)
    return found


class _Reader:
    """Numbers one behind the other; BrokenBoxes behind the end."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self._data, self._place, self._end = data, start, end

    def number(self, size: int) -> int:
        """The next number of `size` bytes, which may be none."""
        self._place += size
        if self._place > self._end:
            raise BrokenBoxes("item locations that end early")
        return int.from_bytes(self._data[self._place - size : self._place])
