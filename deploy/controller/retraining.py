"""The retrainings that were asked for because of drift: one at a time for a champion, and none that died is lost.

An event starts the flow, and the flow claims the trigger that the event names: so the ledger knows how each one goes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from data_checks.drift.actions import RETRAINS
from deploy.controller.neighbours import Neighbours
from deploy.controller.retries import AskedAgain, Job, Retries, read_asked_again, retry_dead
from deploy.delivery.planning import SETTLED
from deploy.record.asked_runs import DRIFT_RETRY
from deploy.record.drift_lines import DRIFT_EVENT, LINES, DriftLine, is_about, pending_lines
from deploy.record.kind import Line
from deploy.release import ServedVersion
from deploy.stores.mlflow.registry import APPROVED, PENDING, TRIGGER_TAG, Registry
from deploy.stores.sql.ledger import Ledger

RETRIES = Retries(DRIFT_RETRY, most=5)  # what died so often dies of itself: a person looks at its runs


def find_under_way(world: Neighbours, entry: Line[DriftLine], key: str, cooldown_s: float, now: datetime) -> str | None:
    """What already answers the drift of this line's champion, or None; StoreError when the registry is away.

    `key` is the trigger of the line itself, which is no reason against it.
    """
    about = entry.readable
    digest = about.digest if about is not None else ""
    for each in pending_lines(world.ledger):
        line = each.readable if each.id < entry.id and each.subject == entry.subject else None
        if line is not None and line.action in RETRAINS and is_about(line, digest):
            return f"{line.key} waits"
    made = []
    for event in DRIFT_EVENT.lines(world.ledger, entry.subject, limit=LINES):
        asked = event.body.key
        if asked == key or not is_about(event.body, digest):
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
    champion = world.releases.read().champion
    if champion is None:
        return []
    jobs = _asked(world.ledger, champion)
    return [job.trigger for job in jobs if retry_dead(world, job, RETRIES, retry_s, now)]


def retrainings_asked_again(ledger: Ledger, champion: ServedVersion) -> list[AskedAgain]:
    """Those that were asked for more than once and have not ended; none from before one that is done."""
    found = []
    for job in _asked(ledger, champion):
        trigger = ledger.get_trigger(job.trigger)
        if trigger is not None and trigger.state == "done":
            break
        again = read_asked_again(ledger, job.trigger, RETRIES)
        if again is not None and (trigger is None or trigger.state == "running"):
            found.append(again)
    return found


def _asked(ledger: Ledger, champion: ServedVersion) -> list[Job]:
    """The champion's retrainings: a version that replaced it has a drift of its own."""
    jobs = []
    for line in DRIFT_EVENT.lines(ledger, champion.version, limit=LINES):
        event = line.body
        if not is_about(event, champion.digest):
            continue
        flow = f"retrain-{event.event.rsplit('.', 1)[-1]}"
        parameters = {"key": event.key, "reason": event.reason, "cause": "drift", "snapshot": event.snapshot}
        jobs.append(Job(event.key, f"{flow}/{flow}", parameters, line.at))
    return jobs


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
