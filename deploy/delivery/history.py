"""What became of each model, read from the releases: the row says what stands where, its history since when.

A model is its digest. The number that a registry gives it may become another's, when the registry is set up anew.

Tags of the registry only mirror this. So whoever moves the row (the controller, a person without any server) is
understood afterwards, and a process killed between the row and a tag leaves nothing half told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from deploy.release import Release

Delivery = Literal["shadow", "canary", "promoted", "rolled_back"]
_SLOTS: tuple[tuple[str, Delivery], ...] = (("shadow", "shadow"), ("canary", "canary"), ("champion", "promoted"))


@dataclass(frozen=True, slots=True)
class Fate:
    """The last thing that happened to a model: what, by which release, when and why."""

    delivery: Delivery
    epoch: int
    at: datetime
    reason: str


def trace_fates(releases: Sequence[Release]) -> dict[str, Fate]:
    """Digest -> fate, from consecutive releases, oldest first.

    A history that does not begin at epoch 1 tells nothing of what its first release already held. `previous` is no
    event: what becomes it stays `promoted`, and so does what leaves it for a successor.
    """
    found: dict[str, Fate] = {}
    before = Release() if releases and releases[0].epoch == 1 else None
    for after in releases:
        if before is not None and after.changed_at is not None:
            for digest, delivery in _events(before, after):
                found[digest] = Fate(delivery, after.epoch, after.changed_at, after.reason)
        before = after
    return found


def _events(before: Release, after: Release) -> Iterator[tuple[str, Delivery]]:
    for slot, delivery in _SLOTS:
        was, is_now = getattr(before, slot), getattr(after, slot)
        if is_now is not None and is_now != was:
            yield is_now.digest, delivery
    kept = {each.digest for each in (after.champion, after.canary, after.shadow, after.previous) if each is not None}
    for was in (before.shadow, before.canary, before.champion):
        if was is not None and was.digest not in kept:
            yield was.digest, "rolled_back"
