"""Exactly one run does the work of a trigger: a unique row in the ledger, held by a lease that is renewed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import TerminationSignal

from data_checks.shown_text import shorten
from deploy.wiring import World
from tasks.errors import TaskError
from tasks.run.asked_to_end import is_cancelled
from tasks.run.progress import telling_progress
from tasks.run.slots import SKIPPED, find_cover, read_slot
from tasks.values import Claimed

if TYPE_CHECKING:
    from deploy.stores.sql.ledger import Ledger

LONGEST_REASON = 500  # characters of an error that the status shows


@task(cache_policy=NO_CACHE, retries=3, retry_delay_seconds=2)
def claim_trigger(world: World, key: str, kind: str, detail: str) -> Claimed:
    """Claim the trigger for this process; a slot that starts late leaves its work to whoever began since."""
    ledger, began = world.ledger, world.now()
    claim = ledger.claim(key, kind, detail, world.owner, began, world.settings.controller.lease_s)
    if claim.outcome == "duplicate":
        told = f"{key} is done, or being done by another run"
        return Claimed(key=key, owner=world.owner, outcome="duplicate", attempt=claim.attempt, told=told)
    if (cover := find_cover(key, began, ledger.triggers(kind) if read_slot(key) else [], world.now())) is not None:
        told = f"{key} starts late: {cover} has begun since and does its work"
        ledger.finish(key, world.owner, "done", SKIPPED + told, world.now())
        return Claimed(key=key, owner=world.owner, outcome="duplicate", attempt=claim.attempt, told=told)
    return Claimed(key=key, owner=world.owner, outcome=claim.outcome, attempt=claim.attempt)


@task(cache_policy=NO_CACHE, retries=3, retry_delay_seconds=2)
def finish_trigger(world: World, claimed: Claimed, result: str) -> None:
    """Say that the work is done; from here on the trigger is a duplicate for everybody."""
    world.ledger.finish(claimed.key, claimed.owner, "done", result, world.now())


@contextmanager
def holding(world: World, claimed: Claimed) -> Iterator[None]:
    """Renew the lease in the background and keep what is told of the progress; on an error say why, and leave the work.

    What the same trigger would always end with closes it; anything else gives the lease up at once, so that the next
    start need not wait.
    """
    from deploy.stores.errors import StoreError

    ledger = world.ledger
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(world.settings.controller.lease_s / 4):
            try:
                ledger.renew(claimed.key, claimed.owner, world.now())
            except StoreError as error:
                print(f"lease of {claimed.key} was not renewed: {error}")

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        with telling_progress(world.objects, claimed.key):
            yield
    except BaseException as error:
        ended.set()
        thread.join()
        try:
            _give_up(world, ledger, claimed, error)
        except StoreError as trouble:  # the error itself says more
            print(f"the ledger was not told why {claimed.key} ended: {trouble}")
        raise
    ended.set()
    thread.join()


def _give_up(world: World, ledger: Ledger, claimed: Claimed, error: BaseException) -> None:
    """A process that is told to end has not failed: it is interrupted, or a person cancelled its run."""
    from deploy.stores.sql.ledger import CANCELLED_BY_HAND

    if isinstance(error, TerminationSignal | KeyboardInterrupt):
        ledger.release_claim(claimed.key, claimed.owner, world.now())  # first: whoever ended this process may not wait
        if is_cancelled():
            ledger.release_claim(claimed.key, claimed.owner, world.now(), CANCELLED_BY_HAND)
        return
    reason = str(error).strip() or type(error).__name__
    if not isinstance(error, TaskError):
        reason = f"{type(error).__name__}: {reason}"
    if isinstance(error, TaskError) and error.final:
        ledger.finish(claimed.key, claimed.owner, "failed", shorten(reason, LONGEST_REASON), world.now())
    else:
        ledger.release_claim(claimed.key, claimed.owner, world.now(), shorten(reason, LONGEST_REASON))
