r"""Names of files: which are hidden, which may be images, and how any name at all is written down.

>>> storable("a\nb.png"), storable("50\\60.png")
('a\\nb.png', '50\\\\60.png')
"""

from __future__ import annotations

import re

HIDDEN_NAMES = frozenset({"__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"})
"""Folders that systems keep for themselves, beside all whose names begin with a dot."""

_OPENED = """
png apng jpg jpeg jpe jfif jif gif bmp dib webp tif tiff avif avifs heic heif hif jp2 j2k jpf jpx jxl ico cur psd svg
tga pcx ppm pgm pbm pnm exr hdr xbm xpm dng cr2 cr3 nef nrw arw sr2 orf rw2 raf pef srw raw
"""
IMAGE_ENDINGS = frozenset(f".{each}" for each in _OPENED.split())
"""What image programs open. A file with such a name is never ignored: what cannot be used is refused by its name."""

_LONGEST_ENDING = 12
_ODD = re.compile(
    # the backslash itself, controls, line ends, marks that turn the direction of writing, bytes that are no UTF-8
    "[\\\\\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHORT = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def storable(name: str) -> str:
    """The name as every table and screen takes it: one line of UTF-8; two names never become one."""
    return _ODD.sub(_escape, name)


def _escape(match: re.Match[str]) -> str:
    letter = match.group()
    if letter in _SHORT:
        return _SHORT[letter]
    if "\udc80" <= letter <= "\udcff":  # how Python holds a byte that is no UTF-8
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return f"\\u{ord(letter):04x}"


def is_hidden(name: str) -> bool:
    """Is this one part of a path kept out of sight? A `.DS_Store` is not: it is counted with what is ignored."""
    return name in HIDDEN_NAMES or (name.startswith(".") and name != ".DS_Store")


def file_name(path: str) -> str:
    """The last part."""
    return path.rpartition("/")[2]


def stem(path: str) -> str:
    """The path without its ending."""
    folder, slash, name = path.rpartition("/")
    head, dot, _ = name.rpartition(".")
    return f"{folder}{slash}{head}" if dot and head else path


def ending_of(path: str) -> str:
    """The ending with its dot in small letters; the name itself where that is all there is; `no ending`."""
    name = file_name(path)
    head, dot, last = name.rpartition(".")
    if not dot or not last or len(last) >= _LONGEST_ENDING:
        return "no ending"
    return storable(f".{last.lower()}") if head else name


def has_image_ending(path: str) -> bool:
    """Does the name say that it is an image?"""
    return ending_of(path) in IMAGE_ENDINGS


def may_be_matched(path: str) -> bool:
    """May a table mean this file by a name without ending? Not the notes that lie beside images (`1.xml`)."""
    return has_image_ending(path) or ending_of(path) == "no ending"
