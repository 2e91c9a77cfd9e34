"""What an installation keeps is its user's alone: folders 0700, files 0600, whatever the umask says.

Every process takes a private umask, for what libraries write (Delta Lake, Prefect, MLflow, logs); the stores ask for
their modes beside it, because a process may have been started otherwise.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from deploy.stores.errors import StoreRefused

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""The bits of group and others."""


def keep_private() -> None:
    """From now on what this process and its children make is their user's alone."""
    os.umask(OTHERS)


def make_private(home: Path) -> None:
    """Make the home, close what an older release left open in it, and keep all that follows private.

    Links are not followed: what they lead to is somebody else's. StoreRefused, in one line, for a file that is.
    """
    keep_private()
    place = home.resolve()
    with _refused(place):
        place.mkdir(parents=True, exist_ok=True)
        _tighten(str(place), place.lstat().st_mode)
        folders = [str(place)]
        while folders:
            with contextlib.suppress(FileNotFoundError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    folders += _tighten_entry(entry)


def tighten(path: Path) -> None:
    """Take from group and others what they may do with a file or folder; silent where there is none."""
    with contextlib.suppress(FileNotFoundError), _refused(path):
        _tighten(str(path), path.lstat().st_mode)


def _tighten_entry(entry: os.DirEntry[str]) -> list[str]:
    """Close one entry; returns it when it is a folder. What went meanwhile needs nothing."""
    try:
        mode = entry.stat(follow_symlinks=False).st_mode
        _tighten(entry.path, mode)
    except FileNotFoundError:
        return []
    return [entry.path] if stat.S_ISDIR(mode) else []


def _tighten(path: str, mode: int) -> None:
    if mode & OTHERS and not stat.S_ISLNK(mode):
        os.chmod(path, stat.S_IMODE(mode) & ~OTHERS)


@contextlib.contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreRefused(
            f"{error.filename or path}: it cannot be made private ({error.strerror}); it must belong to the user who "
            "runs Latentloop, on a file system with modes"
        ) from error
