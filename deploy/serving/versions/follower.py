"""Follows the signed release file: looks every half second, verifies, loads what is new, swaps at once.

What serves is one immutable value, `state`; a request reads it once, so a swap never meets one half way.
A version that does not load never replaces one that serves. The last release whose champion served is kept on
disk, and a replica starts from it before it asks the object store anything.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from deploy.release import Release
from deploy.serving.config import ServingConfig
from deploy.serving.errors import ReleaseRefused, VersionLoadFailed
from deploy.serving.metrics import Metrics
from deploy.serving.versions.loader import VersionLoader
from deploy.serving.versions.router import LoadedVersion, Slots
from deploy.stores.errors import SignatureInvalid, StoreCorrupt, StoreError
from deploy.stores.objects.port import ObjectStore
from deploy.stores.objects.release_file import RELEASE_KEY, verify_release

SLOT_NAMES = ("champion", "canary", "shadow", "previous")
_LOG = logging.getLogger("latentloop.serving")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a replica from doing as the release says; `where`: a slot, release, store, cache."""

    where: str
    message: str


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """What serves, by which release, and what is wrong."""

    slots: Slots = Slots()
    epoch: int = 0
    changed_at: datetime | None = None
    troubles: tuple[Trouble, ...] = ()


class ReleaseFollower:
    """Keeps `state` equal to the newest release that can be trusted, as far as its versions load."""

    def __init__(
        self,
        config: ServingConfig,
        objects: ObjectStore,
        loader: VersionLoader,
        public_key: Ed25519PublicKey,
        cache_folder: Path,
        metrics: Metrics,
    ) -> None:
        self._config, self._objects, self._loader = config, objects, loader
        self._public_key, self._metrics = public_key, metrics
        self._kept = cache_folder / "release.json"
        self.state = ReplicaState()
        self._release = Release()
        self._release_bytes = b""
        self._seen_etag: str | None = None
        self._retry_at: float | None = None
        self._retry_pause_s = config.release_poll_s
        self._on_slots: Callable[[Slots], None] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="serving-release", daemon=True)

    def start(self, on_slots: Callable[[Slots], None] | None = None) -> None:
        """Begin to follow; the first version is loaded in the background, `state` says when it serves.

        `on_slots` is told the slots whenever they changed, in the thread of the follower.
        """
        self._on_slots = on_slots
        self._thread.start()

    def stop(self) -> None:
        """End; does not wait for an object store that does not answer."""
        self._stop.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        self._guarded(self._start_from_disk)
        while not self._stop.is_set():
            self._guarded(self.look)
            self._stop.wait(self._config.release_poll_s)

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # a replica that stopped following would serve an old version for ever
            _LOG.exception("following the release failed; trying again")
            self._note("follower", f"{type(error).__name__}: {error}")
            self._schedule_retry(True)

    def _start_from_disk(self) -> None:
        if not self._kept.is_file():
            return
        try:
            self._follow(self._kept.read_bytes())
        except (ReleaseRefused, OSError) as error:
            _LOG.warning("the release kept in %s is not used: %s", self._kept, error)

    def look(self) -> None:
        """One look at the release file: follow it when it is new, try again what did not load."""
        try:
            etag = self._objects.etag(RELEASE_KEY)
            fresh = etag is not None and etag != self._seen_etag
            data = self._objects.get(RELEASE_KEY).data if fresh else None
        except StoreError as error:
            self._metrics.store_reachable.set(0)
            self._note("store", str(error))
            data = None
        else:
            self._metrics.store_reachable.set(1)
            gone = (
                f"nothing was released yet: there is no {RELEASE_KEY} in the object store; approve a version"
                if etag is None
                else None
            )
            self._note("store", gone)
            self._seen_etag = etag
        if data is not None:
            try:
                self._follow(data)
                self._note("release", None)
            except ReleaseRefused as error:
                self._metrics.release_refused.labels(error.cause).inc()
                self._note("release", f"{RELEASE_KEY} refused: {error}")
        elif self._retry_at is not None and time.monotonic() >= self._retry_at:
            self._apply()

    def _follow(self, data: bytes) -> None:
        release = self._verified(data)
        if release == self._release:
            return
        self._release, self._release_bytes = release, data
        self._retry_pause_s = self._config.release_poll_s
        self._apply()

    def _verified(self, data: bytes) -> Release:
        try:
            release = verify_release(data, self._public_key)
        except SignatureInvalid as error:
            raise ReleaseRefused("signature", str(error)) from error
        except (StoreCorrupt, ValueError) as error:
            raise ReleaseRefused("unreadable", str(error)) from error
        if release.epoch < self._release.epoch:
            raise ReleaseRefused(
                "replay",
                f"epoch {release.epoch} is older than {self._release.epoch}, which this replica follows; "
                f"if the ledger was made anew, delete {self._kept} and start again",
            )
        if release.epoch == self._release.epoch and release != self._release:
            raise ReleaseRefused(
                "conflict",
                f"epoch {release.epoch} is followed already and said otherwise; publish a higher epoch",
            )
        return release

    def _apply(self) -> None:
        """Make the slots what the release says: from memory first, then version by version as they load."""
        before = self.state
        serving = before.slots.champion
        memory = {version.digest: version for _, version in before.slots.named()}
        failed: list[Trouble] = []
        self._publish(memory, serving, failed)
        for name in SLOT_NAMES:
            served = getattr(self._release, name)
            if served is None or served.digest in memory:
                continue
            try:
                memory[served.digest] = self._loader.load(served)
                _LOG.info("%s: version %s is loaded (%s)", name, served.version, served.digest[:12])
            except VersionLoadFailed as error:
                self._metrics.load_failures.labels(name).inc()
                failed.append(Trouble(name, str(error)))
            self._publish(memory, serving, failed)
        self._note("follower", None)
        self._schedule_retry(bool(failed))
        if not any(trouble.where == "champion" for trouble in failed):
            self._keep()
        if not failed:
            self._loader.keep_only(version.digest for _, version in self.state.slots.named())

    def _publish(self, memory: dict[str, LoadedVersion], serving: LoadedVersion | None, failed: list[Trouble]) -> None:
        release = self._release
        found: dict[str, LoadedVersion | None] = {}
        for name in SLOT_NAMES:
            served = getattr(release, name)
            loaded = memory.get(served.digest) if served else None
            if served and loaded and loaded.version != served.version:
                loaded = replace(loaded, version=served.version)
            found[name] = loaded
        if release.champion is not None and found["champion"] is None:
            found["champion"] = serving
        others = tuple(t for t in self.state.troubles if t.where not in SLOT_NAMES)
        self._say_new(tuple(failed))
        self.state = ReplicaState(
            slots=Slots(**found, canary_share=release.canary_share),
            epoch=release.epoch,
            changed_at=release.changed_at,
            troubles=(*failed, *others),
        )
        if self._on_slots is not None:
            self._on_slots(self.state.slots)
        self._metrics.release_epoch.set(release.epoch)
        self._metrics.loaded.clear()
        for name, version in self.state.slots.named():
            self._metrics.loaded.labels(name, version.version).set(1)

    def _schedule_retry(self, needed: bool) -> None:
        self._retry_at = time.monotonic() + self._retry_pause_s if needed else None
        self._retry_pause_s = min(2 * self._retry_pause_s, self._config.load_retry_s)

    def _keep(self) -> None:
        """Store the release file as it came, for a start without the object store."""
        partial = self._kept.with_suffix(".partial")
        try:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(self._release_bytes)
            os.replace(partial, self._kept)
            self._note("cache", None)
        except OSError as error:
            self._note("cache", f"{self._kept} cannot be written, a restart will need the object store: {error}")

    def _note(self, where: str, message: str | None) -> None:
        """Set or clear one trouble that is no slot's."""
        trouble = None if message is None else Trouble(where, message)
        if trouble is not None:
            self._say_new((trouble,))
        if trouble not in self.state.troubles:
            others = tuple(t for t in self.state.troubles if t.where != where)
            self.state = replace(self.state, troubles=(*others, trouble) if trouble else others)

    def _say_new(self, troubles: tuple[Trouble, ...]) -> None:
        """One line in the log for each trouble when it appears, none while it lasts."""
        for trouble in troubles:
            if trouble not in self.state.troubles:
                _LOG.error("%s: %s", trouble.where, trouble.message)
