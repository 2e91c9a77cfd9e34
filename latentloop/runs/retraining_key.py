"""The trigger of a retraining by hand: the one that was interrupted, else one for today's catalogue and recipe."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from deploy.stores.sql.ledger import CANCELLED_BY_HAND, Trigger
from deploy.wiring import World
from latentloop.errors import NothingToDo
from tasks.run.recipe import recipe_name


def choose_key(world: World, tier: str, again: bool, now: datetime) -> str:
    """By hand, one training a catalogue version and recipe, unless asked for another. NothingToDo where it is done.

    What was killed is continued, also where images came in since: that is what whoever lost it was told.
    """
    from deploy.stores.objects.captures import CaptureStore

    catalogue, ledger = world.catalogue, world.ledger
    captured = set(CaptureStore(world.objects).segments())
    # a retraining ingests first: what was captured fills the catalogue of another preprocessing
    if not catalogue.counts().accepted and not captured - catalogue.committed_segments("catalogue"):
        raise NothingToDo("the catalogue is empty: expected accepted images; run `latentloop ingest FOLDER` first")
    of_tier, recipe = f"by-hand-{tier}-catalogue-{catalogue.name}", recipe_name(world.settings)
    unfinished = ledger.triggers(f"retrain-{tier}", states=["running"])
    if (interrupted := find_interrupted(unfinished, of_tier, recipe, now)) is not None:
        return interrupted
    base = f"{of_tier}-{catalogue.version()}-{recipe}"
    number = 1
    while (found := ledger.get_trigger(key := f"{base}-{number}")) is not None and found.state != "running":
        if not again and found.state == "done":
            raise NothingToDo(
                f"catalogue version {catalogue.version()} was trained on with this recipe already "
                f"(version {found.result}): "
                "ingest new images, change the recipe, or say --again"
            )
        number += 1
    return key


def find_interrupted(running: Iterable[Trigger], of_tier: str, recipe: str, now: datetime) -> str | None:
    """The first of these that nobody works on and nobody cancelled, of any version of the catalogue."""
    wanted = re.compile(rf"{re.escape(of_tier)}-\d+-{re.escape(recipe)}-\d+")
    for each in running:
        if wanted.fullmatch(each.key) and each.alive_until < now and each.result != CANCELLED_BY_HAND:
            return each.key
    return None
