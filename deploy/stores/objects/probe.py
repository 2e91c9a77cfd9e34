"""Whether a store heeds the conditions of a write: racing writers are not safe on one that ignores them."""

import contextlib
import threading
import uuid
from collections.abc import Callable
from typing import Protocol

from deploy.stores.errors import PreconditionFailed, StoreError, UnsafeStore


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
