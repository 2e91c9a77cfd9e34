"""An array in NumPy's file format, read with nothing evaluated and nothing allocated: it is a view of the body.

NumPy's own reader evaluates the header as Python and raises whatever that trips over (SyntaxError, TokenError,
TypeError, RecursionError, MemoryError), and its shape is believed before the data is looked at.
https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from deploy.serving.errors import Problem
from deploy.serving.http.bodies.limits import MOST_AXES, BodyLimits
from deploy.serving.http.bodies.stack import count_images
from vae_core.images.preprocessing import Preprocessing

_MAGIC = b"\x93NUMPY"
# Bytes of the length of the header, by the version of the format.
_LENGTH_BYTES = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}
# Bytes; that of an array of numbers has 118, another writer may pad it to a page.
MOST_HEADER_BYTES = 4096
# Written as Python writes a dict, in any order; Python 2 wrote 28L. 18 digits are below 2**63.
_ENTRY = re.compile(
    r"""\s*(['"])(?:"""
    r"""descr\1\s*:\s*(['"])(?P<descr>[^'"]{1,20})\2"""
    r"""|fortran_order\1\s*:\s*(?P<fortran>True|False)"""
    r"""|shape\1\s*:\s*\((?P<shape>\s*(?:[0-9]{1,18}L?\s*,\s*)*(?:[0-9]{1,18}L?\s*)?)\)"""
    r""")\s*(?:,|(?=\}))"""
)
# Booleans come as far as input validation, which says what to do about them.
_NUMBERS = re.compile(r"[<>|=]?(?:b1|[iu][1248]|f[248])")


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says, and where the data begins (bytes)."""

    dtype: np.dtype[np.generic]
    fortran: bool
    shape: tuple[int, ...]
    end: int


def read_npy(body: bytes, preprocessing: Preprocessing, limits: BodyLimits) -> np.ndarray:
    """View the array of a body: bool, (u)int8 to 64, float16 to 64, of either byte order, in C or Fortran order.

    Raises `Problem` 400 for what is no such array, whole and of up to four axes; 413 above the limits.
    """
    header = read_npy_header(body)
    count = math.prod(header.shape)
    claimed, came = count * header.dtype.itemsize, len(body) - header.end
    if claimed != came:
        raise _refuse(f"its header says {header.shape} {header.dtype}, {claimed} bytes, and {came} came")
    if not count:
        raise Problem(400, f"expected at least one image, the array is empty: its shape is {header.shape}")
    limits.require_images(count_images(header.shape), preprocessing)
    limits.require_values(count, f"in an array of {header.shape}")
    values = np.frombuffer(body, header.dtype, offset=header.end)
    return values.reshape(header.shape, order="F" if header.fortran else "C")


def read_npy_header(body: bytes) -> Header:
    """Read what is before the data; `Problem` 400 for a header that is not one of an array of numbers."""
    if not body.startswith(_MAGIC):
        raise _refuse(f"it begins with {body[:8]!r} instead of {_MAGIC!r}")
    version, begin = body[6:8], 8
    length_bytes = _LENGTH_BYTES.get(version)
    if length_bytes is None:
        raise _refuse(f"expected version 1.0, 2.0 or 3.0 of the format, came {'.'.join(map(str, version))}")
    begin += length_bytes
    length = int.from_bytes(body[8:begin], "little")
    if length > MOST_HEADER_BYTES:
        raise _refuse(f"expected a header of at most {MOST_HEADER_BYTES} bytes, came one of {length}")
    if len(body) < begin + length:
        raise _refuse(f"it ends within its header, after {len(body)} of {begin + length} bytes")
    entries = _read_entries(body[begin : begin + length].decode("latin-1"))
    return Header(
        _read_dtype(entries["descr"]), entries["fortran"] == "True", _read_shape(entries["shape"]), begin + length
    )


def _read_entries(text: str) -> dict[str, str]:
    """Take the three entries apart, as text."""
    found: dict[str, str] = {}
    position, closed = text.find("{") + 1, text.rstrip()
    while entry := _ENTRY.match(text, position):
        found |= {name: value for name, value in entry.groupdict().items() if value is not None}
        position = entry.end()
    if set(found) != {"descr", "fortran", "shape"} or not text.startswith("{") or text[position:].strip() != "}":
        raise _refuse(
            f"expected a header {{'descr': '<f4', 'fortran_order': False, 'shape': (28, 28), }}, came {closed[:60]!r}"
        )
    return found


def _read_dtype(descr: str) -> np.dtype[np.generic]:
    if not _NUMBERS.fullmatch(descr):
        raise Problem(400, f"expected an array of numbers, integers or floats of at most 8 bytes, it holds {descr!r}")
    return np.dtype(descr)


def _read_shape(text: str) -> tuple[int, ...]:
    shape = tuple(int(side.strip().rstrip("L")) for side in text.split(",") if side.strip())
    if len(shape) > MOST_AXES:
        raise _refuse(f"expected at most {MOST_AXES} axes (N, C, H, W), came {len(shape)}")
    return shape


def _refuse(why: str) -> Problem:
    return Problem(400, f"the body is no .npy array of numbers: {why}")
