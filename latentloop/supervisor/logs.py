"""Log files of children that write for months: appended to, private, bounded.

A child keeps its file open for ever, so a full log is copied aside and emptied in place; the file was opened for
appending, so the child's next line is the first one of the empty file. What is written during the copy itself is lost.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 10_000_000
KEPT = 3


def open_log(path: Path) -> BinaryIO:
    """Open for appending, mode 0600; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.fchmod(handle, 0o600)
    return os.fdopen(handle, "ab")


def rotate(path: Path, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> bool:
    """Move the content of a log above `most_bytes` to `NAME.1`, older ones one further; True when it did."""
    try:
        if path.stat().st_size <= most_bytes:
            return False
    except FileNotFoundError:
        return False
    for number in range(kept - 1, 0, -1):
        older = _numbered(path, number)
        if older.exists():
            older.replace(_numbered(path, number + 1))
    with path.open("rb") as full, open_log(_numbered(path, 1)) as aside:
        shutil.copyfileobj(full, aside)
    os.truncate(path, 0)
    return True


def last_line(path: Path, at_most: int = 200) -> str:
    """The last line that says something, shortened; empty when there is none."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 64_000))
            lines = log.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line[:at_most] for line in reversed(lines) if line.strip()), "")


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
