"""`{"images": nested numbers}` as an array, without a Python list of it ever being built.

The standard parser makes objects of whatever comes (64 bytes of each `[]`), and `numpy.asarray` pads every text to the
longest; both hold the interpreter, and so the event loop, for as long as they take. Here the text is read in pieces:
first its brackets, which give the shape, then its numbers, into an array that is made once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np

from deploy.serving.errors import Problem
from deploy.serving.http.bodies.brackets import Brackets
from deploy.serving.http.bodies.limits import JSON_BYTES_AROUND, BodyLimits
from deploy.serving.http.bodies.stack import count_images
from vae_core.images.preprocessing import Preprocessing

# Bytes of text between two moments at which another thread may run: 1 to 3 ms of work.
PIECE = 64 * 1024
# A piece has half as many numbers, each an object (32 bytes) with its place in a list and in an array (8 and 8), and
# its text exists in up to five forms; doubled for what an allocator keeps.
PIECE_MEMORY = 2 * (PIECE // 2 * 48 + 5 * PIECE)

# Bytes of a body that a refusal shows whole.
SHORT = 40

_FORM = '{"images": nested arrays of numbers}'
_HEAD = re.compile(rb'(?:\xef\xbb\xbf)?[ \t\r\n]*\{[ \t\r\n]*"images"[ \t\r\n]*:')
_NO_BRACKETS = bytes.maketrans(b"[]", b"  ")


def read_json(body: bytes, preprocessing: Preprocessing, limits: BodyLimits) -> np.ndarray:
    """Read the array, int64 where no number has a point or an exponent, else float64; memory as `limits` says.

    Raises `Problem` 400 for what is no such object, or ragged, or nested too deeply; 413 above the limits.
    """
    limits.require_json_bytes(len(body), preprocessing)
    begin, end = _find_value(body)
    _require_array(body[begin : min(end, begin + PIECE)])
    brackets = Brackets()
    for start in range(begin, end, PIECE):
        brackets.read(body[start : min(end, start + PIECE)])
        limits.require_json_numbers(brackets.numbers, preprocessing)
    shape = brackets.shape()
    limits.require_images(count_images(shape), preprocessing)
    values = np.empty(brackets.numbers, np.int64 if brackets.whole else np.float64)
    filled = 0
    for piece in _pieces(body, begin, end):
        numbers = _read_numbers(piece, values.dtype)
        values[filled : filled + len(numbers)] = numbers
        filled += len(numbers)
    return values.reshape(shape)


def _find_value(body: bytes) -> tuple[int, int]:
    """Find what is between `{"images":` and `}`, and that nothing is around them."""
    head, end = _HEAD.match(body, 0, JSON_BYTES_AROUND), body.rfind(b"}")
    if head is None or end < head.end() or body[end + 1 :].strip(b" \t\r\n"):
        raise Problem(400, f"the body is not JSON of the wanted form: expected {_FORM}, came {_excerpt(body)}")
    return head.end(), end


def _excerpt(body: bytes) -> str:
    """Show a body: all of a short one, else how it begins and ends."""
    if not body:
        return "nothing"
    if len(body) <= SHORT:
        return repr(body.decode("utf-8", "replace"))
    begins, ends = body[:40].decode("utf-8", "replace"), body[-20:].decode("utf-8", "replace")
    return f"{len(body)} bytes from {begins!r} to {ends!r}"


def _require_array(value: bytes) -> None:
    """Refuse a value that does not begin as an array does: null, a number, a text, an object, nothing."""
    begins = value.strip(b" \t\r\n")
    if not begins.startswith(b"["):
        came = repr(begins[:20].decode("utf-8", "replace")) if begins else "nothing"
        raise Problem(400, f"images: expected nested arrays of numbers, such as [[0, 255], [128, 64]], came {came}")


def _pieces(body: bytes, begin: int, end: int) -> Iterator[bytes]:
    """Cut the text at commas, which are left out, into pieces of at most `PIECE` bytes."""
    while end - begin > PIECE:
        comma = body.rfind(b",", begin, begin + PIECE)
        if comma < 0:
            raise Problem(
                400, f"images: expected at most {PIECE} bytes from one comma to the next; take out the spaces"
            )
        yield body[begin:comma]
        begin = comma + 1
    yield body[begin:end]


def _read_numbers(piece: bytes, dtype: np.dtype[np.generic]) -> np.ndarray:
    """Read numbers between commas, whatever brackets are around them."""
    try:
        return np.array(json.loads(b"[" + piece.translate(_NO_BRACKETS) + b"]"), dtype)
    except json.JSONDecodeError as error:
        near = error.doc[max(1, error.pos - 10) : error.pos + 10].rstrip("]").strip()
        raise Problem(400, f"images: not JSON, expected a number between any two commas, came {near!r}") from error
    except OverflowError as error:
        raise Problem(
            400,
            "images: expected an array of numbers, integers on 0..255 or floats on [0, 1], came an "
            "integer of more than 64 bits",
        ) from error
