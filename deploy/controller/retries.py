"""Work that was asked for and that nobody does is asked for again: not too soon, and a few times only.

The flow claims the trigger that its run was given. So the ledger knows whether somebody works on it (the lease is
renewed), and a run that comes too many is a duplicate wherever another one lives or has finished. The orchestrator is
not asked: for it a run whose worker was killed may be running for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict

from deploy.controller.neighbours import Neighbours
from deploy.record.asked_runs import AskedRun
from deploy.record.kind import Kind
from deploy.stores.sql.ledger import CANCELLED_BY_HAND, Ledger, Trigger

_log = logging.getLogger("latentloop.controller")


@dataclass(frozen=True, slots=True)
class Retries:
    """The ledger's kind of line for a run that was asked for again, and how often that may happen."""

    kind: Kind[AskedRun]
    most: int


@dataclass(frozen=True, slots=True)
class Job:
    """A run as it was asked for first: the trigger that it claims, its deployment and its parameters."""

    trigger: str
    deployment: str
    parameters: Mapping[str, str]
    asked_at: datetime


class AskedAgain(BaseModel):
    """How often (of `most`) the run of a trigger was asked for again, when last, and that run's page."""

    model_config = ConfigDict(frozen=True)

    trigger: str
    times: int
    most: int
    last_at: AwareDatetime
    url: str


def retry_dead(world: Neighbours, job: Job, retries: Retries, pause_s: float, now: datetime) -> bool:
    """Ask again when nobody works on it and the last time is `pause_s` ago; True when a run was asked for."""
    if not is_open(world.ledger.get_trigger(job.trigger), now):
        return False
    before = read_asked_again(world.ledger, job.trigger, retries)
    last, times = (before.last_at, before.times) if before else (job.asked_at, 0)
    if times >= retries.most or now - last < timedelta(seconds=pause_s):
        return False
    name = f"{job.trigger}:retry:{times + 1}"
    run = world.orchestrator.create_run(job.deployment, job.parameters, name)
    asked = AskedRun(run=run.id, url=run.url, attempt=times + 1, parameters=job.parameters)
    retries.kind.write(world.ledger, job.trigger, asked, now, key=f"{retries.kind.name}:{name}")
    _log.warning("%s: nobody works on it, asked again (attempt %d): %s", job.trigger, times + 1, run.url)
    return True


def is_open(trigger: Trigger | None, now: datetime) -> bool:
    """Not claimed yet, or its owner died: whoever claims it now does the work. What a person cancelled stays so."""
    if trigger is None:
        return True
    return trigger.state == "running" and trigger.alive_until < now and trigger.result != CANCELLED_BY_HAND


def read_asked_again(ledger: Ledger, trigger: str, retries: Retries) -> AskedAgain | None:
    """The newest line of the trigger; None when its run was not asked for again."""
    line = retries.kind.newest(ledger, trigger)
    if line is None:
        return None
    asked = line.body
    return AskedAgain(trigger=trigger, times=asked.attempt, most=retries.most, last_at=line.at, url=asked.url)
