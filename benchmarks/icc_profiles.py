"""Small ICC profiles made of numbers: a matrix of primaries, a grey curve, and inks on a grid of two points each.

Source: ICC.1:2001-04 (version 2 of the format), sections 6.1 (header), 6.2 (tag table), 6.5 (types).
"""

import struct
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_D50 = (0.9642, 1.0, 0.8249)
P3_D50 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
"""Columns: the primaries of Display P3 as XYZ under D50."""


def make_matrix_profile(primaries: NDArray[np.float64] = P3_D50, gamma: float = 2.2) -> bytes:
    """A display: `primaries` (3, 3), columns as XYZ under D50, and one gamma."""
    columns = {name: _xyz(primaries[:, place]) for place, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    curves = {name: _curve(gamma) for name in (b"rTRC", b"gTRC", b"bTRC")}
    return _assemble(b"mntr", b"RGB ", b"XYZ ", {b"wtpt": _xyz(_D50), **columns, **curves})


def make_grey_profile(gamma: float = 1.0) -> bytes:
    """A grey scanner with one gamma."""
    return _assemble(b"scnr", b"GRAY", b"XYZ ", {b"wtpt": _xyz(_D50), b"kTRC": _curve(gamma)})


def make_ink_profile(lab: NDArray[np.float64]) -> bytes:
    """A press: the colour, `lab` (2, 2, 2, 2, 3) as CIELAB, of no and full cyan, magenta, yellow and black."""
    codes = np.stack([lab[..., 0] * 2.55, lab[..., 1] + 128, lab[..., 2] + 128], axis=-1)
    straight = bytes(range(256))
    identity = struct.pack(">9i", *(65536 * (place % 4 == 0) for place in range(9)))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + straight * 4
    table += np.rint(codes).clip(0, 255).astype(np.uint8).tobytes() + straight * 3
    return _assemble(b"prtr", b"CMYK", b"Lab ", {b"wtpt": _xyz(_D50), b"A2B0": table})


def _assemble(kind: bytes, space: bytes, connection: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    place = 128 + 4 + 12 * len(tags)
    table, content = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        padded = value + bytes(-len(value) % 4)
        table += struct.pack(">4sII", name, place + len(content), len(value))
        content += padded
    header = struct.pack(">I4sI4s4s4s", place + len(content), b"", 0x02400000, kind, space, connection)
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _fixed(_D50)
    return header.ljust(128, b"\0") + table + content


def _xyz(values: tuple[float, float, float] | NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def _fixed(values: tuple[float, float, float] | NDArray[np.float64]) -> bytes:
    return struct.pack(">3i", *(round(float(value) * 65536) for value in values))
