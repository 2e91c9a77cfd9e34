"""A folder of image files as capture segments: named by content, so packing it twice makes nothing twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from deploy.stores.captures import CapturedImage, CaptureStore
from latentloop.errors import NothingToDo

SEGMENT_IMAGES = 1_000


def pack_folder(folder: Path, captures: CaptureStore, say: Callable[[str], None]) -> list[str]:
    """Write every file below `folder` into segments; returns their keys. A sub-folder names the source of its files."""
    if not folder.is_dir():
        raise NothingToDo(
            f"{folder}: expected a folder of image files, found {'a file' if folder.exists() else 'nothing'}"
        )
    paths = sorted(_files(folder))
    if not paths:
        raise NothingToDo(f"{folder}: expected image files in it or below, found none")
    keys = []
    for number, chunk in enumerate(_chunks(paths), start=1):
        keys.append(captures.write_by_content([_capture(folder, path) for path in chunk]))
        if number % 10 == 0:
            say(f"{min(number * SEGMENT_IMAGES, len(paths)):,} of {len(paths):,} files packed")
    return list(dict.fromkeys(keys))


def _files(folder: Path) -> Iterator[Path]:
    """Every visible file below; a sub-folder that cannot be listed ends the walk instead of missing in it."""

    def refuse(error: OSError) -> None:
        raise NothingToDo(f"{error.filename}: cannot be listed ({error.strerror}): mend it or move it away") from error

    for parent, _, names in os.walk(folder, onerror=refuse):
        yield from (path for name in names if not name.startswith(".") and (path := Path(parent) / name).is_file())


def _chunks(paths: list[Path]) -> Iterator[list[Path]]:
    for start in range(0, len(paths), SEGMENT_IMAGES):
        yield paths[start : start + SEGMENT_IMAGES]


def _capture(folder: Path, path: Path) -> CapturedImage:
    try:
        data, changed = path.read_bytes(), path.stat().st_mtime
    except OSError as error:
        raise NothingToDo(
            f"{path}: cannot be read ({error.strerror}): mend it or move it away and run again; "
            "segments that were packed before it are kept and not packed twice"
        ) from error
    relative = path.relative_to(folder)
    source = relative.parent.as_posix() if relative.parent != Path() else folder.resolve().name
    return CapturedImage(
        name=relative.as_posix(), source=source, captured_at=datetime.fromtimestamp(changed, UTC), data=data
    )
