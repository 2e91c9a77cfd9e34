"""A schedule trains on what is new: two slots with the same images and the same recipe are one training.

From scratch, the same images and recipe make the same model whenever it is trained; the incremental tier starts from
the champion, so another champion is other work. What a slot leaves out is a line of the ledger.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from deploy.record.trainings import RETRAIN_SKIPPED, SCHEDULED_WORK, NotBegun, WorkTaken
from deploy.wiring import World
from tasks.run.recipe import recipe_name
from tasks.run.slots import SKIPPED, read_slot
from tasks.values import Claimed, Tier

if TYPE_CHECKING:
    from deploy.stores.sql.ledger import Ledger, Trigger


@task(cache_policy=NO_CACHE, retries=3, retry_delay_seconds=2)
def find_nothing_new(world: World, claimed: Claimed, tier: Tier) -> str | None:
    """Why this slot has nothing to do, on record; None where its work is new, or it is no slot of a schedule."""
    if read_slot(claimed.key) is None:
        return None

    ledger, catalogue = world.ledger, world.catalogue
    version = catalogue.version()
    champion = world.releases.read().champion if tier != "full" else None
    start = f" from champion {champion.version}" if champion is not None else ""
    of_champion = f"-{champion.digest[:12]}" if champion is not None else ""
    work = f"{tier}-catalogue-{catalogue.name}-{version}-{recipe_name(world.settings)}{of_champion}"
    other = take_work(ledger, work, claimed.key, world.now())
    if other is None:
        return None
    did = f"made version {other.result} of" if other.state == "done" else "is in work on"
    told = (
        f"nothing new: {other.key} {did} catalogue version {version}{start} with this recipe; new images, or "
        f"`latentloop retrain --tier {tier} --again`, train again"
    )
    RETRAIN_SKIPPED.write(ledger, claimed.key, NotBegun(reason=told), world.now(), key=f"skipped:{claimed.key}")
    ledger.finish(claimed.key, claimed.owner, "done", SKIPPED + told, world.now())
    return told


def take_work(ledger: Ledger, work: str, key: str, at: datetime) -> Trigger | None:
    """Take the work for this trigger, once among all; the trigger that did it or is at it, where it is taken.

    What a trigger took that failed or died is free again.
    """
    while True:
        line = SCHEDULED_WORK.newest(ledger, work)
        holder = line.body.trigger if line is not None else None
        other = ledger.get_trigger(holder) if holder is not None and holder != key else None
        if holder == key:
            return None
        if other is not None and (other.state == "done" or (other.state == "running" and other.alive_until > at)):
            return other
        number = line.body.number + 1 if line is not None else 1
        taken = WorkTaken(trigger=key, number=number)
        if SCHEDULED_WORK.write(ledger, work, taken, at, key=f"{SCHEDULED_WORK.name}:{work}:{number}"):
            return None
