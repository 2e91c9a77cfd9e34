"""Writes plain TIFF files of any number of channels, 8 or 16 bits, in either byte order, of one page or several."""

import struct
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SHORT, LONG, UNDEFINED = 3, 4, 7


def write_tiff(
    samples: NDArray[np.uint8] | NDArray[np.uint16],
    photometric: int,
    *,
    order: Literal["<", ">"] = "<",
    orientation: int = 1,
    profile: bytes = b"",
    extra: int | None = None,
    pages: int = 1,
) -> bytes:
    """Write samples (H, W, C) in one strip; `extra` says what a channel beside the colours is."""
    height, width, channels = samples.shape
    pixels = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    fields = {
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, [8 * samples.dtype.itemsize] * channels),
        259: (SHORT, [1]),
        262: (SHORT, [photometric]),
        273: (LONG, [8]),
        274: (SHORT, [orientation]),
        277: (SHORT, [channels]),
        278: (LONG, [height]),
        279: (LONG, [len(pixels)]),
    }
    if extra is not None:
        fields[338] = (SHORT, [extra])
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(pixels) + len(pixels) % 2)
    data = head + pixels + bytes(len(pixels) % 2)
    for page in range(pages):
        data += _directory(fields, order, len(data), profile, last=page == pages - 1)
    return data


def _directory(
    fields: dict[int, tuple[int, list[int]]], order: str, start: int, profile: bytes, *, last: bool
) -> bytes:
    """A directory that begins at `start`, with its values behind it; the next one follows where it is not the last."""
    packed: list[tuple[int, int, int, bytes]] = [
        (tag, kind, len(values), struct.pack(f"{order}{len(values)}{'H' if kind == SHORT else 'I'}", *values))
        for tag, (kind, values) in sorted(fields.items())
    ]
    if profile:
        packed.append((34675, UNDEFINED, len(profile), profile))
    place = start + 2 + 12 * len(packed) + 4
    entries, behind = b"", b""
    for tag, kind, count, value in packed:
        entries += struct.pack(f"{order}HHI", tag, kind, count)
        if len(value) <= 4:
            entries += value.ljust(4, b"\0")
        else:
            entries += struct.pack(f"{order}I", place + len(behind))
            behind += value + bytes(len(value) % 2)
    following = 0 if last else place + len(behind)
    return struct.pack(f"{order}H", len(packed)) + entries + struct.pack(f"{order}I", following) + behind
