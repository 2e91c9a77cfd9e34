"""The object store on a local folder, safe against racing processes and against a kill at any instruction.

A put writes a temporary file, syncs it, and renames it under a lock of its key. `.store/` holds what is ours:
`tmp/` (half-written files, swept when the store is opened and nobody is writing), `locks/` and `writers`. Folders that
it makes have mode 0700, files 0600, whatever the umask: they hold production images.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from deploy.stores.errors import (
    InvalidKey,
    ObjectMissing,
    PreconditionFailed,
    StoreError,
    StoreFull,
    StoreRefused,
    StoreUnavailable,
)
from deploy.stores.faults import register
from deploy.stores.objects.port import DELETE, PUT, DeltaLocation, Stored, validate_key
from deploy.stores.objects.probe import ask_once

RENAME = register("objects.rename", "the rename of a synced temporary file to its key (local folder)")

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LOCKS = 64


class LocalObjects:
    """Objects as files under `root`. An etag is the SHA-256 of the content. A key cannot also be a folder."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()
        self._own = self.root / ".store"
        self._temporary = self._own / "tmp"
        with _translated(str(self.root)):
            for folder in (self.root, self._own, self._own / "locks", self._temporary):
                # a root that somebody else made keeps its mode: it may be shared on purpose
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
        """See `ObjectStore.put`."""
        target = self._path(key)
        with PUT, _translated(str(target)), _locked(self._own / "writers", fcntl.LOCK_SH):
            temporary = self._temporary / uuid.uuid4().hex
            try:
                _write_synced(temporary, data)
                with _locked(self._lock_of(key), fcntl.LOCK_EX):
                    self._check(key, if_absent, if_match)
                    with RENAME:
                        _make_folders(target.parent)
                        os.replace(temporary, target)
                        _sync_folder(target.parent)
            finally:
                temporary.unlink(missing_ok=True)
        return _etag(data)

    def get(self, key: str) -> Stored:
        """See `ObjectStore.get`."""
        data = self.read(key)
        return Stored(data, _etag(data))

    def read(self, key: str) -> bytes:
        """See `ObjectStore.read`."""
        path = self._path(key)
        with _translated(str(path)):
            return path.read_bytes()

    def etag(self, key: str) -> str | None:
        """See `ObjectStore.etag`; reads and hashes the file."""
        try:
            return self.get(key).etag
        except ObjectMissing:
            return None

    def keys(self, prefix: str) -> list[str]:
        """See `ObjectStore.keys`."""
        if prefix.startswith("/") or ".." in prefix.split("/"):
            raise InvalidKey(f"prefix {prefix!r}: expected a relative path without '..'; correct it")
        folder = self.root / prefix.rpartition("/")[0]
        with _translated(str(folder)):
            found = [
                (Path(place) / name).relative_to(self.root).as_posix()
                for place, folders, names in os.walk(folder, onerror=_raise_unless_missing)
                if Path(place) != self._own and self._own not in Path(place).parents
                for name in names
            ]
        return sorted(key for key in found if key.startswith(prefix))

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        path = self._path(key)
        with DELETE, _translated(str(path)), _locked(self._lock_of(key), fcntl.LOCK_EX):
            if path.is_file():
                path.unlink()
                _sync_folder(path.parent)

    def delta_location(self, prefix: str) -> DeltaLocation:
        """See `ObjectStore.delta_location`."""
        return DeltaLocation(uri=str(self._path(prefix)), storage_options={})

    def require_conditional_writes(self) -> None:
        """See `ObjectStore.require_conditional_writes`: the disk must take files, locks, syncs and renames."""
        ask_once(str(self.root), self)

    def _path(self, key: str) -> Path:
        return self.root / validate_key(key)

    def _lock_of(self, key: str) -> Path:
        bucket = int.from_bytes(hashlib.sha256(key.encode()).digest()[:2]) % _LOCKS
        return self._own / "locks" / f"{bucket:02d}"

    def _check(self, key: str, if_absent: bool, if_match: str | None) -> None:
        if not if_absent and if_match is None:
            return
        there = self.etag(key)
        if if_absent and there is not None:
            raise PreconditionFailed(f"object {key}: expected none, found etag {there}; read it before writing")
        if if_match is not None and there != if_match:
            raise PreconditionFailed(f"object {key}: expected etag {if_match}, found {there}; read it again")

    def _sweep(self) -> None:
        """Remove what killed writers left: a living one would hold the shared lock."""
        with (
            contextlib.suppress(BlockingIOError),
            _locked(self._own / "writers", fcntl.LOCK_EX | fcntl.LOCK_NB),
        ):
            for leftover in self._temporary.iterdir():
                leftover.unlink(missing_ok=True)


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def _locked(path: Path, mode: int) -> Iterator[None]:
    """Hold an advisory lock; it dies with its process, and works between threads (one open file each)."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, mode)
        yield
    finally:
        os.close(handle)


def _write_synced(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _make_folders(folder: Path) -> None:
    """`mkdir -p` whose every new entry survives a power cut."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(new.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


@contextlib.contextmanager
def _translated(where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _translate(where, error) from error


def _translate(where: str, error: OSError) -> StoreError:
    if error.errno in _NO_SPACE:
        return StoreFull(f"{where}: no space left on the disk ({error.strerror}); nothing was changed, free some")
    if isinstance(error, FileNotFoundError):
        return ObjectMissing(f"object {where}: expected a file, found none; check the key")
    if isinstance(error, IsADirectoryError | NotADirectoryError | FileExistsError):
        return InvalidKey(f"object {where}: a key cannot also be the folder of another key; rename it")
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return StoreRefused(f"object {where}: no right to do this ({error.strerror}); check owner and mode")
    return StoreUnavailable(f"object {where}: the disk answered {error.strerror}; check the volume")
