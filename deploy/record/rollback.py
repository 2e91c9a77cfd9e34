"""Taking back what serves: one function for a person, for a flow and for the controller; needs neither server.

What is undone is the last step towards the traffic: a canary that runs is taken back and the champion stays; without
one the previous version becomes champion again. The version that was rolled back leaves every slot and never becomes
`previous`, and what served before `previous` is not kept warm: after a rollback there is nothing to go back to until
the next promotion. A candidate that is on trial goes on in the shadow, from the beginning, against the new champion.
The registry's tags and aliases follow at the controller's next look.
"""

from __future__ import annotations

import getpass
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict

from deploy.record.history import RELEASE
from deploy.record.kind import Kind
from deploy.release import Release, ServedVersion
from deploy.stores.errors import EpochConflict, StoreError
from deploy.stores.objects.port import ObjectStore
from deploy.stores.objects.release_file import publish_release
from deploy.stores.sql.ledger import Ledger
from deploy.stores.sql.release import ReleaseStore

ATTEMPTS = 10
RELEASES = 50  # changes of the release that are looked through for the one that stood when a rollback was asked for


class RollbackLine(BaseModel):
    """A version that was taken back, what serves since, by which release, and who wanted it, by which way and why.

    No `digest` in older lines.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    digest: str = ""
    serves: str
    epoch: int
    how: str
    who: str
    reason: str


ROLLBACK = Kind("rollback", RollbackLine, say=attrgetter("reason"))
"""About the version that was taken back."""


class NothingToRollBack(Exception):
    """The release holds nothing to go back to; one line says why."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a change of the release needs; no server among it."""

    releases: ReleaseStore
    ledger: Ledger
    objects: ObjectStore
    signing_key: Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants it, by which way (`by hand`, `watch period`, `drift`), and why."""

    who: str
    how: str
    reason: str


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What was done: the version taken back, the one that serves, the release, and whether replicas can see it yet."""

    version: str
    serves: str
    release: Release
    published: bool


def roll_back(desk: Desk, order: Order, clock: Callable[[], datetime], asked_at: datetime | None = None) -> RolledBack:
    """Undo the last step towards the traffic; whoever else moves the row at the same moment is waited out.

    `asked_at` (None: now): when somebody decided it. What stood then is meant: of several orders that were given at
    once the first does it, and the others do not go on to the version before. NothingToRollBack, one line, for them.
    """
    target = find_target(_seen(desk, asked_at if asked_at is not None else clock()))
    for _ in range(ATTEMPTS):
        release = desk.releases.read()
        if target not in _traffic(release):
            raise NothingToRollBack(_overtaken(target, release))
        try:
            return undo(desk, release, target, order, clock())
        except EpochConflict:
            continue
    raise EpochConflict(f"release row: it moved {ATTEMPTS} times while version {target} was taken back; try again")


def _seen(desk: Desk, at: datetime) -> Release:
    """The release that stood then; the newest, where the record does not reach back so far."""
    for line in RELEASE.lines(desk.ledger, limit=RELEASES):
        if line.at <= at:
            return line.body
    return desk.releases.read()


def _overtaken(target: str, release: Release) -> str:
    serves = f"version {release.champion.version} serves" if release.champion is not None else "no version serves"
    return (
        f"version {target} was taken back meanwhile ({release.reason}); nothing more was done, "
        f"{serves}. To go further back, call it again"
    )


def undo(desk: Desk, release: Release, version: str, order: Order, now: datetime) -> RolledBack:
    """One attempt to take the canary or the champion `version` back; EpochConflict when the row moved on."""
    if release.canary is not None and release.canary.version == version:
        taken = release.canary
        change: dict[str, object] = {"canary": None, "canary_share": 0.0}
    elif release.previous is None:
        raise NothingToRollBack(_no_previous(release))
    else:
        assert release.champion is not None, "a previous version has a champion beside it"
        taken = release.champion
        # whoever was on trial was compared with the version that goes now: its trial begins anew in the shadow
        on_trial = release.canary or release.shadow
        change = {
            "champion": release.previous,
            "previous": None,
            "canary": None,
            "canary_share": 0.0,
            "shadow": on_trial,
        }
    reason = describe_rollback(version, order)
    fresh = desk.releases.compare_and_swap(
        release.epoch, release.model_copy(update={**change, "changed_at": now, "reason": reason})
    )
    try:
        publish_release(fresh, desk.objects, desk.signing_key)
        published = True
    except StoreError:  # the row is the truth: the controller publishes it at its next look
        published = False
    assert fresh.champion is not None
    _record(desk.ledger, fresh, taken, order, now)
    return RolledBack(version, fresh.champion.version, fresh, published)


def describe_rollback(version: str, order: Order) -> str:
    """What the release says of it."""
    return f"version {version} rolled back ({order.how}, {order.who}): {order.reason}"


def who() -> str:
    """User and host of this process, for the record."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a container's user id needs no name
        return socket.gethostname()


def _record(ledger: Ledger, fresh: Release, taken: ServedVersion, order: Order, now: datetime) -> None:
    """The line of the record; the release itself says the same in words, should this process die before it."""
    line = RollbackLine(
        version=taken.version,
        digest=taken.digest,
        serves=fresh.champion.version if fresh.champion else "",
        epoch=fresh.epoch,
        how=order.how,
        who=order.who,
        reason=order.reason,
    )
    ROLLBACK.write(ledger, taken.version, line, now, key=f"{ROLLBACK.name}:{fresh.epoch}")


def find_target(release: Release) -> str:
    """The version that a rollback takes back now; NothingToRollBack when there is none."""
    if release.canary is not None:
        return release.canary.version
    if release.champion is None or release.previous is None:
        raise NothingToRollBack(_no_previous(release))
    return release.champion.version


def _traffic(release: Release) -> set[str]:
    """Versions that answer requests."""
    return {each.version for each in (release.champion, release.canary) if each is not None}


def _no_previous(release: Release) -> str:
    if release.champion is None:
        return "nothing to roll back: no version serves"
    return (
        f"nothing to roll back: version {release.champion.version} serves and no previous version is kept; "
        "approve another version. One that is only tried in the shadow is taken back by its tag `approval` = rejected"
    )
