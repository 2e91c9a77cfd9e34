"""Acts on what the monitor found: each `drift` line of the ledger is acted on once, and what was done is on record.

A retraining waits until enough images of the new kind were captured; then its event goes to the orchestrator, whose
trigger starts the flow of that tier, unless the monitor says by then that the drift is over, or a retraining of this
champion is under way. The event carries the key that the flow must claim, and an id made of that key: a
repeat after a kill is the same event, and the claim keeps the work single.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ConfigDict

from data_checks.drift.actions import RETRAINS
from data_checks.drift.policy import DriftPolicy
from deploy.controller.neighbours import Neighbours
from deploy.controller.retraining import find_under_way
from deploy.record.drift_lines import (
    DRIFT_ACTED,
    DRIFT_EVENT,
    DriftActed,
    DriftEvent,
    DriftLine,
    acted_key,
    is_about,
    later_lines,
    pending_lines,
)
from deploy.record.history import read_fates
from deploy.record.kind import Line
from deploy.record.rollback import Desk, NothingToRollBack, Order, undo, who
from deploy.record.traffic import serving_since
from deploy.release import Release
from deploy.stores.errors import StoreError
from deploy.stores.sql.ledger import Ledger
from deploy.stores.sql.telemetry import Telemetry

_DONE = {
    "block": "blocked: no retraining is asked for; a person looks at the source of the images",
    "scale_out": "shown: the service needs more replicas or a smaller decoder, never a retraining",
}

_log = logging.getLogger("latentloop.controller")


class Waiting(BaseModel):
    """A retraining that waits for images: `captured` of `needed`, by a lower bound of their share."""

    model_config = ConfigDict(frozen=True)

    key: str
    action: str
    captured: int
    needed: int


def act_on_drift(world: Neighbours, policy: DriftPolicy, clock_factor: float, now: datetime) -> list[str]:
    """Act on every line that nothing was done about yet, oldest first; returns what was done, a sentence each."""
    done, policy = [], policy.compressed(clock_factor)
    for entry in pending_lines(world.ledger):
        line = entry.readable
        if line is None:
            did: str | None = "ignored: the line cannot be read; was it written by a newer Latentloop?"
        else:
            did = _act(world, entry, line, policy, now)
        if did is not None:
            acted = DriftActed(line=entry.key, action=line.action if line else "", reason=did)
            DRIFT_ACTED.write(world.ledger, entry.subject, acted, now, key=acted_key(entry))
            _log.info("%s: %s", entry.key, did)
            done.append(did)
    return done


def waiting_for_images(ledger: Ledger, telemetry: Telemetry, now: datetime) -> list[Waiting]:
    """Retrainings whose images are not captured yet."""
    found = []
    for entry in pending_lines(ledger):
        line = entry.readable
        if line is not None and line.action in RETRAINS:
            captured = _captured(line, later_lines(ledger, entry), entry.subject, telemetry, now)
            found.append(Waiting(key=line.key, action=line.action, captured=captured, needed=line.needed_images))
    return found


def _act(world: Neighbours, entry: Line[DriftLine], line: DriftLine, policy: DriftPolicy, now: datetime) -> str | None:
    """What was done about it, or None: it waits."""
    release = world.releases.read()
    champion = release.champion
    if champion is None or champion.version != entry.subject or not is_about(line, champion.digest):
        return f"nothing: version {entry.subject} is not champion any more"
    if line.action == "roll_back":
        return _roll_back(world, release, entry, line, policy.recent_promotion_s, now)
    if line.action not in RETRAINS:
        return _DONE.get(line.action, f"nothing to be done: {line.reason}")
    if not line.snapshot:
        return "refused: a retraining for drift needs a stored snapshot, and this line names none"
    return _retrain(world, entry, line, policy, now)


def _retrain(
    world: Neighbours, entry: Line[DriftLine], line: DriftLine, policy: DriftPolicy, now: datetime
) -> str | None:
    """Ask for it once its images came, unless the drift is over or a retraining of this champion is under way."""
    later = later_lines(world.ledger, entry)
    captured = _captured(line, later, entry.subject, world.telemetry, now)
    if any(each.key == _event_key(line) for each in DRIFT_EVENT.lines(world.ledger, entry.subject)):
        return _emit(world, entry, line, captured, now)  # killed before it was noted
    if later and later[-1].action == "none" and later[-1].new_share_low == 0:
        return f"over: the monitor looked again and found: {later[-1].reason}"
    if now - entry.at > timedelta(seconds=policy.images_within_s):
        return f"expired: about {captured} of {line.needed_images} images came in {policy.images_within_s:.0f} s"
    if later and later[-1].action == "block":  # what came since may be a sensor's: it waits until that is over
        return None
    try:
        under_way = find_under_way(world, entry, line.key, policy.cooldown_s, now)
    except StoreError as error:  # the registry: what a person has in hand is not known
        _log.debug("%s waits: %s", entry.key, error)
        return None
    if under_way is not None:
        return f"nothing: already under way for version {entry.subject}: {under_way}"
    return _emit(world, entry, line, captured, now) if captured >= line.needed_images else None


def _event_key(line: DriftLine) -> str:
    return f"{DRIFT_EVENT.name}:{line.key}"


def _emit(world: Neighbours, entry: Line[DriftLine], line: DriftLine, captured: int, now: datetime) -> str:
    event, id = f"latentloop.drift.{line.action}", uuid5(NAMESPACE_URL, f"latentloop:{line.key}")
    said = DriftEvent(
        event=event,
        event_id=str(id),
        digest=line.digest,
        captured=captured,
        needed=line.needed_images,
        key=line.key,
        snapshot=line.snapshot,
        url=line.url,
        failed=line.failed,
        reason=line.reason,
    )
    payload = said.model_dump(mode="json", include={"key", "snapshot", "url", "failed", "reason"})
    resource = f"latentloop.version.{entry.subject}"
    world.orchestrator.emit_event(event, resource=resource, payload=payload, event_id=id, occurred=now)
    DRIFT_EVENT.write(world.ledger, entry.subject, said, now, key=_event_key(line))
    return f"event {event} was emitted after about {captured} of {line.needed_images} images: {line.reason}"


def _roll_back(
    world: Neighbours, release: Release, entry: Line[DriftLine], line: DriftLine, recent_s: float, now: datetime
) -> str:
    since = serving_since(release, read_fates(world.ledger))
    if since is None or entry.at - since > timedelta(seconds=recent_s):
        return f"not rolled back: version {entry.subject} was not promoted within the last {recent_s:.0f} s"
    desk = Desk(world.releases, world.ledger, world.objects, world.signing_key)
    try:
        done = undo(desk, release, entry.subject, Order(who(), "drift", line.reason), now)
    except NothingToRollBack as error:
        return f"not rolled back: {error}"
    return f"version {done.version} was rolled back to version {done.serves}"


def _captured(line: DriftLine, later: Sequence[DriftLine], champion: str, telemetry: Telemetry, now: datetime) -> int:
    """About how many images of the new kind came since the window, by the lower bound of their share at each time."""
    if line.needed_images == 0:
        return 0
    lines, found = (line, *later), 0.0
    for each, until in zip(lines, (*(after.window_since for after in later), now), strict=True):
        if each.action != "block" and each.new_share_low > 0 and until > each.window_since:
            found += each.new_share_low * telemetry.answered(each.window_since, until, champion).images
    return int(found)
