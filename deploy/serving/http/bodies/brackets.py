"""The shape of a text of nested arrays of numbers, from its brackets and commas alone."""

from __future__ import annotations

import re

from deploy.serving.errors import Problem
from deploy.serving.http.bodies.limits import MOST_AXES

# Characters of one number: a float64 takes 24, and the time that an integer takes grows with the square of its length.
MOST_DIGITS = 64

_SPACE = b" \t\r\n"
_NUMBER = b"0123456789+-.eENaInfity"  # with Python's NaN and Infinity, which input validation names
_FOREIGN = re.compile(rb"[^0-9+\-.eENaInfity\[\], \t\r\n]")
_WORD = re.compile(rb"[A-Za-z0-9]{1,20}|[^\r\n]{1,20}")
_WHOLE = b"0123456789-,[]" + _SPACE
# A number becomes a run of n, what does not belong here a question mark.
_MARKS = bytes(byte if byte in b"[]," else ord("n") if byte in _NUMBER else ord("?") for byte in range(256))
_WANTED = "images: expected nested arrays of numbers"


class Brackets:
    """Reads a text piece by piece and keeps its brackets and commas; memory is at most three times the text.

    What it does not look at is the grammar of the numbers, and that there is one at every comma.
    """

    def __init__(self) -> None:
        self.numbers = 1  # of the text so far, when a number stands at each side of every comma
        self.whole = True  # no point, exponent, NaN or Infinity so far
        self._read = 0
        self._last = b""  # the end of what was read, as marks: what must not meet may meet across two pieces
        self._kept = bytearray()

    def read(self, piece: bytes) -> None:
        """Take the next piece; `Problem` 400 for what cannot be in nested arrays of numbers."""
        marks = piece.translate(_MARKS, _SPACE)
        if b"?" in marks:
            self._refuse_foreign(piece)
        window = self._last + marks
        if b"[]" in window:
            raise Problem(400, f"{_WANTED}, at least one image; one of the arrays is empty")
        if b"n" * (MOST_DIGITS + 1) in window:
            raise Problem(400, f"{_WANTED}, each of up to {MOST_DIGITS} characters; one is longer")
        if b"n[" in window or b"]n" in window or b"][" in window:
            raise Problem(400, f"{_WANTED}, with a comma between any two; between two there is none")
        self.numbers += marks.count(b",")
        self.whole = self.whole and not piece.translate(None, _WHOLE)
        self._read += len(piece)
        self._last = window[-MOST_DIGITS:]
        self._kept += marks.translate(None, b"n")
        if self._kept.startswith(b"[" * (MOST_AXES + 1)):
            raise Problem(400, f"{_WANTED}, nested at most {MOST_AXES} deep (N, C, H, W)")

    def shape(self) -> tuple[int, ...]:
        """Give the shape of the whole text; `Problem` 400 when it is ragged or not closed.

        Innermost first: all arrays of one depth must read alike, and be together as long as what is in them.
        """
        sides: list[int] = []
        rest, items, mark = self._kept, self.numbers, b""
        while rest != b"n":
            end = rest.find(b"]")
            first = bytes(rest[max(0, rest.rfind(b"[", 0, end + 1)) : end + 1])
            side = first.count(b",") + 1
            alike = first == b"[" + mark + (b"," + mark) * (side - 1) + b"]"
            count = rest.count(first) if alike else 0
            if count * side != items:
                raise Problem(400, f"{_WANTED}, all of equal lengths and closed; one request holds one shape")
            sides.append(side)
            rest, items, mark = rest.replace(first, b"n"), count, b"n"
        return tuple(reversed(sides))

    def _refuse_foreign(self, piece: bytes) -> None:
        """Name the whole word, for `null` begins with a letter of NaN, and say whether it stands beside the array."""
        found = _FOREIGN.search(piece)
        assert found is not None, "the marks and the expression name the same characters"
        begin = found.start()
        while begin and piece[begin - 1 : begin].isalnum():
            begin -= 1
        open_arrays = sum(text.count(b"[") - text.count(b"]") for text in (bytes(self._kept), piece[:begin]))
        wanted = _WANTED if open_arrays > 0 else f'{_WANTED} and no key but "images"'
        came = (_WORD.match(piece, begin) or found)[0].decode("utf-8", "replace")
        raise Problem(400, f"{wanted}, came {came!r} at character {self._read + begin} of its value")
