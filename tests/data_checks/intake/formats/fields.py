"""TIFF files of one directory, field by field."""

import struct


def directory(*fields: tuple[int, int, int, bytes], order: str = "<", behind: bytes = b"", following: int = 0) -> bytes:
    """A TIFF file of one directory: tag, type, number of values, and the four bytes that hold them or say where."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    entries = b"".join(struct.pack(f"{order}HHI", *each[:3]) + each[3].ljust(4, b"\0") for each in fields)
    return head + struct.pack(f"{order}H", len(fields)) + entries + struct.pack(f"{order}I", following) + behind
