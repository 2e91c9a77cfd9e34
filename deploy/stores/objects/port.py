"""Objects: immutable or conditionally replaced bytes under a key, on a local folder or on S3."""

import re
from dataclasses import dataclass, field
from typing import Protocol

from deploy.stores.errors import InvalidKey
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
