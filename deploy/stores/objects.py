"""Objects: immutable or conditionally replaced bytes under a key, on a local folder or on S3."""

import contextlib
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from deploy.stores.errors import InvalidKey, PreconditionFailed, StoreError, UnsafeStore
from deploy.stores.faults import register

PUT = register("objects.put", "an object, whole")
DELETE = register("objects.delete", "the removal of an object")

_COMPONENT = re.compile(r"[A-Za-z0-9_=][A-Za-z0-9._=+@-]{0,199}", re.ASCII)
_LONGEST_KEY = 900  # S3 allows 1,024 bytes; the prefix of the bucket is added to it


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes with the etag that they were read under."""

    data: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class DeltaLocation:
    """Where Delta Lake finds the tables of this store; the options hold secrets."""

    uri: str
    storage_options: dict[str, str] = field(repr=False)


class ObjectStore(Protocol):
    """What every object store does. Keys are relative paths with `/`; a finished put survives a crash."""

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
        """Write the object whole and return its etag.

        `if_absent`: only when there is none. `if_match`: only when it still has this etag. Of several writers
        that race with a condition exactly one wins; the others get PreconditionFailed. After StoreUnavailable
        it is unknown whether a write arrived: read before trying again.
        """
        ...

    def get(self, key: str) -> Stored:
        """Read the bytes and their etag; ObjectMissing when there is none."""
        ...

    def read(self, key: str) -> bytes:
        """Read the bytes alone, for what is never changed; ObjectMissing when there is none."""
        ...

    def etag(self, key: str) -> str | None:
        """Read the etag alone, None when there is no object; it changes whenever the content does."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """All keys that begin with the prefix, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; silent when there is none."""
        ...

    def delta_location(self, prefix: str) -> DeltaLocation:
        """Name the place of a Delta table inside this store."""
        ...

    def require_conditional_writes(self) -> None:
        """UnsafeStore unless racing writers are safe here; a process asks each store once."""
        ...


def validate_key(key: str) -> str:
    """Return the key; InvalidKey for traversal, absolute paths, empty or hidden parts, odd characters."""
    parts = key.split("/")
    if len(key) > _LONGEST_KEY or not all(_COMPONENT.fullmatch(part) for part in parts):
        raise InvalidKey(
            f"object key {key[:200]!r}: expected parts of letters, digits and ._=+@- (none beginning with a "
            f"dot, 200 characters each, {_LONGEST_KEY} in all) joined by '/'; rename it"
        )
    return key


def open_objects(
    url: str,
    *,
    endpoint_url: str | None = None,
    region: str = "us-east-1",
    access_key: str | None = None,
    secret_key: str | None = None,
) -> ObjectStore:
    """Open the store behind a URL: `s3://bucket/prefix`, `file:///folder` or a plain path."""
    parts = urlsplit(url)
    if parts.scheme == "s3" and parts.netloc:
        from deploy.stores.s3_objects import S3Objects  # boto3 costs half a second: only where it is used

        return S3Objects(
            bucket=parts.netloc,
            prefix=parts.path.strip("/"),
            endpoint_url=endpoint_url,
            region=region,
            access_key=access_key,
            secret_key=secret_key,
        )
    from deploy.stores.local_objects import LocalObjects

    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return LocalObjects(Path(unquote(parts.path)))
    if "://" not in url and url:
        return LocalObjects(Path(url))
    raise StoreError(f"object store {url!r}: expected s3://bucket/prefix, file:///folder or a path; correct it")


class ConditionalWrites(Protocol):
    """The part of a store that the probe needs."""

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
        """See `ObjectStore.put`."""
        ...

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        ...


_ASKED: set[str] = set()
_ASKING = threading.Lock()  # whoever comes meanwhile waits for the answer


def ask_once(place: str, store: ConditionalWrites) -> None:
    """Probe the store at this place, unless this process did so before and found it safe."""
    with _ASKING:
        if place not in _ASKED:
            probe_conditional_writes(store)
            _ASKED.add(place)


def probe_conditional_writes(store: ConditionalWrites) -> None:
    """Ask a store whether it heeds conditions, as coordinated writers need it; leaves nothing that it may delete.

    UnsafeStore in one line when it ignores them or does not know them, as many S3 look-alikes do; the store's own
    error when it does not answer, or lets nobody write.
    """
    key = f"probe/{uuid.uuid4().hex}"
    first = _expect_acceptance("If-None-Match", lambda: store.put(key, b"first", if_absent=True))
    try:
        _expect_refusal("If-None-Match", lambda: store.put(key, b"second", if_absent=True))
        _expect_acceptance("If-Match", lambda: store.put(key, b"third", if_match=first))
        _expect_refusal("If-Match", lambda: store.put(key, b"fourth", if_match=first))
    finally:
        # nothing else is ever deleted: a user without that right is welcome
        with contextlib.suppress(StoreError):
            store.delete(key)


def unsafe_store(condition: str, expected: str, came: str) -> UnsafeStore:
    """What is said of a store on which racing writers are not safe."""
    return UnsafeStore(
        f"object store: a put with {condition} was expected to be {expected} and was {came}, so racing writers would "
        "overwrite each other; use a store with conditional writes (AWS S3, SeaweedFS, MinIO), or a folder, in "
        "objects_url"
    )


def _expect_acceptance(condition: str, write: Callable[[], str]) -> str:
    try:
        return write()
    except PreconditionFailed as error:
        raise unsafe_store(condition, "accepted", f"refused ({error})") from error


def _expect_refusal(condition: str, write: Callable[[], str]) -> None:
    with contextlib.suppress(PreconditionFailed):
        write()
        raise unsafe_store(condition, "refused", "accepted")
