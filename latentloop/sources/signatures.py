"""How an image begins: by its first bytes a file is known as one whatever its name says."""

from __future__ import annotations

_BEGINNINGS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",  # JPEG
    b"GIF87a",
    b"GIF89a",
    b"II*\x00",  # TIFF, and the raw files of many cameras
    b"MM\x00*",
    b"II+\x00",  # BigTIFF
    b"MM\x00+",
    b"8BPS",  # Photoshop
    b"\x00\x00\x00\x0cjP  \r\n",  # JPEG 2000
    b"\xff\x4f\xff\x51",
    b"\x00\x00\x00\x0cJXL \r\n",
    b"\xff\x0a",  # a bare JPEG XL stream
)
_BRANDS = frozenset({b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"crx "})
_BITMAP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})


def begins_like_an_image(head: bytes) -> bool:
    """Are these 32 first bytes, or fewer where the file is shorter, those of an image?"""
    if head.startswith(_BEGINNINGS):
        return True
    if head[:4] == b"RIFF":
        return head[8:12] == b"WEBP"
    if head[4:8] == b"ftyp":
        return head[8:12] in _BRANDS
    # two letters begin many a text: a bitmap has four zero bytes and the size of a header in its places
    return head[:2] == b"BM" and head[6:10] == bytes(4) and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS
