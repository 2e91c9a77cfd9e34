"""Acts on what the monitor found: each `drift` line of the ledger is acted on once, and what was done is on record.

A retraining waits until enough images of the new kind were captured; then its event goes to the orchestrator, whose
trigger starts the flow of that tier. The event carries the key that the flow must claim, and an id made of that key: a
repeat after a kill is the same event, and the claim keeps the work single.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from data_checks.drift.policy import DriftPolicy
from deploy.controller.history import read_fates
from deploy.controller.neighbours import Neighbours
from deploy.controller.rollback import Desk, NothingToRollBack, Order, undo, who
from deploy.controller.traffic import serving_since
from deploy.release import Release
from deploy.stores.ledger import Ledger, LedgerEntry
from deploy.stores.telemetry import Telemetry

RETRAINING = frozenset({"incremental", "emergency", "full"})
LINES = 500  # an hourly monitor writes them in three weeks; what waits longer than that is out of date

_DONE = {
    "block": "blocked: nothing is trained from what was refused; a person looks at its source",
    "scale_out": "shown: the service needs more replicas or a smaller decoder, never a retraining",
}

_log = logging.getLogger("latentloop.controller")


class DriftLine(BaseModel):
    """The part of a monitor's line that is acted on. Shares in [0, 1]."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str = Field(min_length=1)
    action: str
    reason: str
    snapshot: str = ""
    url: str = ""
    failed: tuple[str, ...] = ()
    new_share_low: float = Field(0.0, ge=0, le=1)
    needed_images: int = Field(0, ge=0)
    window_since: AwareDatetime


class Waiting(BaseModel):
    """A retraining that waits for images: `captured` of `needed`, by a lower bound of their share."""

    model_config = ConfigDict(frozen=True)

    key: str
    action: str
    captured: int
    needed: int


def act_on_drift(world: Neighbours, policy: DriftPolicy, clock_factor: float, now: datetime) -> list[str]:
    """Act on every line that nothing was done about yet, oldest first; returns what was done, a sentence each."""
    done = []
    for entry in pending_lines(world.ledger):
        line = _read(entry)
        if line is None:
            did: str | None = "ignored: the line cannot be read; was it written by a newer Latentloop?"
        else:
            did = _act(world, entry, line, policy.compressed(clock_factor), now)
        if did is not None:
            body = json.dumps({"line": entry.key, "action": line.action if line else "", "reason": did})
            world.ledger.record("drift-acted", entry.subject, body, now, key=f"drift-acted:{entry.key or entry.id}")
            _log.info("%s: %s", entry.key, did)
            done.append(did)
    return done


def pending_lines(ledger: Ledger) -> Iterator[LedgerEntry]:
    """Monitor lines that nothing was done about yet, oldest first."""
    acted = {each.key for each in ledger.entries("drift-acted", limit=LINES)}
    for entry in reversed(ledger.entries("drift", limit=LINES)):
        if f"drift-acted:{entry.key or entry.id}" not in acted:
            yield entry


def waiting_for_images(ledger: Ledger, telemetry: Telemetry, now: datetime) -> list[Waiting]:
    """Retrainings whose images are not captured yet."""
    found = []
    for entry in pending_lines(ledger):
        line = _read(entry)
        if line is not None and line.action in RETRAINING:
            captured = _captured(line, entry.subject, telemetry, now)
            found.append(Waiting(key=line.key, action=line.action, captured=captured, needed=line.needed_images))
    return found


def _read(entry: LedgerEntry) -> DriftLine | None:
    try:
        return DriftLine.model_validate_json(entry.body)
    except ValidationError:
        return None


def _act(world: Neighbours, entry: LedgerEntry, line: DriftLine, policy: DriftPolicy, now: datetime) -> str | None:
    """What was done about it, or None: it waits."""
    release = world.releases.read()
    if release.champion is None or release.champion.version != entry.subject:
        return f"nothing: version {entry.subject} is not champion any more"
    if line.action == "roll_back":
        return _roll_back(world, release, entry, line, policy.recent_promotion_s, now)
    if line.action not in RETRAINING:
        return _DONE.get(line.action, f"nothing to be done: {line.reason}")
    if not line.snapshot:
        return "refused: a retraining for drift needs a stored snapshot, and this line names none"
    captured = _captured(line, entry.subject, world.telemetry, now)
    if captured < line.needed_images:
        return None
    return _emit(world, entry, line, captured, now)


def _emit(world: Neighbours, entry: LedgerEntry, line: DriftLine, captured: int, now: datetime) -> str:
    event, id = f"latentloop.drift.{line.action}", uuid5(NAMESPACE_URL, f"latentloop:{line.key}")
    payload = {
        "key": line.key,
        "snapshot": line.snapshot,
        "url": line.url,
        "failed": list(line.failed),
        "reason": line.reason,
    }
    resource = f"latentloop.version.{entry.subject}"
    world.orchestrator.emit_event(event, resource=resource, payload=payload, event_id=id, occurred=now)
    body = {"event": event, "event_id": str(id), "captured": captured, "needed": line.needed_images, **payload}
    world.ledger.record("drift-event", entry.subject, json.dumps(body), now, key=f"drift-event:{line.key}")
    return f"event {event} was emitted after about {captured} of {line.needed_images} images: {line.reason}"


def _roll_back(
    world: Neighbours, release: Release, entry: LedgerEntry, line: DriftLine, recent_s: float, now: datetime
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


def _captured(line: DriftLine, champion: str, telemetry: Telemetry, now: datetime) -> int:
    """About how many images of the new kind came since the window, by the lower bound of their share."""
    if line.needed_images == 0 or now <= line.window_since:
        return 0
    return int(line.new_share_low * telemetry.answered(line.window_since, now, champion).images)
