"""A folder of image files. Links are not followed, pipes and devices are not opened, sizes are looked at first."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from latentloop.errors import NothingToDo
from latentloop.sources.found import SNIFFED_BYTES, Content, Found, NoImage, Outcome, TooLarge, Unreadable
from latentloop.sources.names import file_name, has_image_ending, is_hidden, storable
from latentloop.sources.signatures import begins_like_an_image
from latentloop.sources.tally import Left, Tally

_OPENING = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""What became a link since it was found is refused, and what became a pipe does not block."""

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class FolderSource:
    """See `Source`. `own_home`, where it lies within, is left out: it holds pictures that Latentloop made."""

    reads_at_once = 1

    def __init__(self, folder: Path, own_home: Path | None = None) -> None:
        if not os.path.isdir(folder):
            raise NothingToDo(_say_what_else(folder))
        self._root = folder.resolve()
        self._home = os.fspath(own_home.resolve()) if own_home is not None else None

    @property
    def place(self) -> str:
        """The absolute path."""
        return storable(os.fspath(self._root))

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self._root.name or "/"

    def look(self, tally: Tally) -> Iterator[Found]:
        """See `Source.look`. NothingToDo when the folder itself cannot be listed."""
        try:
            levels = [_listing(os.fspath(self._root), "")]
        except OSError as error:
            raise NothingToDo(f"{self.place}: cannot be listed ({error.strerror}): mend its rights") from error
        # no recursion: a path may have a thousand parts
        while levels:
            entry = next(levels[-1], None)
            if entry is None:
                levels.pop()
            elif (kind := self._left_out(*entry)) is not None:
                tally.leave_out(kind, entry[0])
            elif entry[1].is_dir(follow_symlinks=False):
                _descend(levels, *entry, tally)
            elif (found := _found(*entry, tally)) is not None:
                yield found

    def read(self, found: Found, most_bytes: int) -> Outcome:
        """See `Source.read`."""
        try:
            descriptor = os.open(self._path(found), _OPENING)
            with os.fdopen(descriptor, "rb") as file:
                before = os.fstat(descriptor)
                if not stat.S_ISREG(before.st_mode):
                    return Unreadable(Left.no_file, "")
                head = file.read(SNIFFED_BYTES)
                if not has_image_ending(found.path) and not begins_like_an_image(head):
                    return NoImage()
                if before.st_size > most_bytes:
                    return TooLarge(before.st_size)
                data = head + file.read(most_bytes + 1 - len(head))
                if len(data) > most_bytes:
                    return TooLarge(os.fstat(descriptor).st_size)
                after = os.fstat(descriptor)
        except FileNotFoundError:
            return Unreadable(Left.changing, "")
        except OSError as error:
            return Unreadable(Left.unreadable, error.strerror or str(error))
        if len(data) != before.st_size or _stamp(after) != _stamp(before):
            return Unreadable(Left.changing, "")
        return Content(data)

    def read_table(self, found: Found) -> bytes:
        """See `Source.read_table`."""
        return self._path(found).read_bytes()

    def _path(self, found: Found) -> Path:
        return self._root / found.path

    def _left_out(self, path: str, entry: os.DirEntry[str]) -> Left | None:
        if is_hidden(entry.name):
            return Left.hidden
        if entry.is_symlink():
            return Left.linked_folder if os.path.isdir(entry.path) else Left.link
        if entry.is_dir(follow_symlinks=False):
            return Left.own_home if entry.path == self._home else None
        return None if entry.is_file(follow_symlinks=False) else Left.no_file


_Entry = tuple[str, "os.DirEntry[str]"]


def _listing(folder: str, within: str) -> Iterator[_Entry]:
    """The entries of one folder with their paths, so ordered that all paths of the walk are in order of their bytes."""
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=_order)
    return ((within + entry.name, entry) for entry in ordered)


def _order(entry: os.DirEntry[str]) -> bytes:
    return os.fsencode(entry.name) + (b"/" if entry.is_dir(follow_symlinks=False) else b"")


def _descend(levels: list[Iterator[_Entry]], path: str, entry: os.DirEntry[str], tally: Tally) -> None:
    try:
        levels.append(_listing(entry.path, f"{path}/"))
    except OSError as error:
        tally.leave_out(Left.unreadable, f"{path}/", error.strerror or str(error))


def _found(path: str, entry: os.DirEntry[str], tally: Tally) -> Found | None:
    try:
        seen = entry.stat(follow_symlinks=False)
    except OSError:
        tally.leave_out(Left.changing, path)
        return None
    return Found(path, seen.st_size, _stamp(seen), _time_of(seen.st_mtime))


def _stamp(seen: os.stat_result) -> str:
    """The time of the last change of any kind is in it: a copy with its old time is another content."""
    return f"{seen.st_size}-{seen.st_mtime_ns}-{seen.st_ctime_ns}-{seen.st_ino}"


def _time_of(seconds: float) -> datetime:
    """A file's time; file systems hold times that no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return _NO_TIME


def _say_what_else(folder: Path) -> str:
    shown = storable(os.path.abspath(folder))
    try:
        folder.lstat()
    except FileNotFoundError:
        return f"{shown}: expected a folder of image files, found nothing{_say_nearest(folder)}: check the path"
    except OSError as error:
        return f"{shown}: cannot be looked at ({error.strerror}): mend the rights of the folders above it"
    if has_image_ending(file_name(folder.name)):
        return f"{shown}: expected a folder of image files, found one file: ingest its folder, or move it into its own"
    return f"{shown}: expected a folder of image files, found a file: unpack it where it is an archive, ingest a folder"


def _say_nearest(folder: Path) -> str:
    """The nearest folder above it that exists and some folders in it: which part of the path is wrong."""
    nearest = next((each for each in Path(os.path.abspath(folder)).parents if each.is_dir()), None)
    if nearest is None:
        return ""
    try:
        inside = sorted(each.name for each in nearest.iterdir() if each.is_dir() and not is_hidden(each.name))
    except OSError:  # it may be entered and not listed
        return f"; {storable(os.fspath(nearest))} exists"
    more = f" and {len(inside) - 3:,} more" if len(inside) > 3 else ""
    has = ", ".join(map(storable, inside[:3])) + more if inside else "no folder"
    return f"; {storable(os.fspath(nearest))} exists and has {has} in it"
