"""The retrainings that were asked for because of drift: one at a time for a champion, and none that died is lost.

An event starts the flow, and the flow claims the trigger that the event names. So the ledger knows how each one goes,
and a run that is asked for again is a duplicate wherever another one lives or has finished.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from typing import Any

from data_checks.drift.actions import RETRAINS
from deploy.controller.drift_lines import LINES, pending_lines, read_line
from deploy.controller.neighbours import Neighbours
from deploy.delivery.planning import SETTLED
from deploy.stores.ledger import LedgerEntry
from deploy.stores.registry import APPROVED, PENDING, TRIGGER_TAG, Registry

MOST_RETRIES = 5  # what died so often dies of itself: a person looks at its runs
SHORTEST_RETRY_S = 60.0  # however far the clocks are compressed: a run takes its time to start

_log = logging.getLogger("latentloop.controller")


def find_under_way(world: Neighbours, entry: LedgerEntry, key: str, cooldown_s: float, now: datetime) -> str | None:
    """What already answers the drift of this line's champion, or None; StoreError when the registry is away.

    `key` is the trigger of the line itself, which is no reason against it.
    """
    for each in pending_lines(world.ledger):
        line = read_line(each) if each.id < entry.id and each.subject == entry.subject else None
        if line is not None and line.action in RETRAINS:
            return f"{line.key} waits"
    made = []
    for event in world.ledger.entries("drift-event", entry.subject, limit=LINES):
        asked = json.loads(event.body)["key"]
        if asked == key:
            continue
        trigger = world.ledger.get_trigger(asked)
        if trigger is not None and trigger.state != "running":
            made.extend([asked] if trigger.state == "done" else [])
        elif trigger is not None and trigger.alive_until >= now:
            return f"{asked} is in work"
        elif now - event.at < timedelta(seconds=cooldown_s):  # not claimed yet, or to be taken over
            return f"{asked} was asked for"
    return _find_undecided(world.registry, made) if made else None


def revive_retrainings(world: Neighbours, retry_s: float, now: datetime) -> list[str]:
    """Ask again for what nobody works on, every `retry_s` and a few times; returns the triggers, once each."""
    champion, revived = world.releases.read().champion, []
    if champion is None:
        return []
    pause = timedelta(seconds=max(retry_s, SHORTEST_RETRY_S))
    # only of the champion: a version that replaced it has a drift of its own
    for event in world.ledger.entries("drift-event", champion.version, limit=LINES):
        body = json.loads(event.body)
        trigger = world.ledger.get_trigger(body["key"])
        if trigger is not None and (trigger.state != "running" or trigger.alive_until >= now):
            continue
        retries = world.ledger.entries("drift-retry", body["key"])
        last = retries[0].at if retries else event.at
        if len(retries) < MOST_RETRIES and now - last >= pause:
            _ask_again(world, body, len(retries) + 1, now)
            revived.append(body["key"])
    return revived


def _find_undecided(registry: Registry, triggers: list[str]) -> str | None:
    """A version that one of these triggers made and that nobody decided about, or that is on its way."""
    for each in registry.versions():
        if each.tags.get(TRIGGER_TAG) not in triggers or each.tags.get("delivery") in SETTLED:
            continue
        if each.approval == PENDING:
            return f"version {each.version} awaits approval"
        if each.approval == APPROVED:
            return f"version {each.version} is approved and not settled"
    return None


def _ask_again(world: Neighbours, event: dict[str, Any], attempt: int, now: datetime) -> None:
    action = event["event"].rsplit(".", 1)[-1]
    parameters = {"key": event["key"], "reason": event["reason"], "cause": "drift", "snapshot": event["snapshot"]}
    name = f"{event['key']}:retry:{attempt}"
    run = world.orchestrator.create_run(f"retrain-{action}/retrain-{action}", parameters, name)
    body = json.dumps({"run": run.id, "url": run.url, "attempt": attempt, **parameters})
    world.ledger.record("drift-retry", event["key"], body, now, key=f"drift-retry:{name}")
    _log.warning("%s: nobody works on it, asked again (attempt %d): %s", event["key"], attempt, run.url)
