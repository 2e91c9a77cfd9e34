"""Exactly one run does the work of a trigger: a unique row in the ledger, held by a lease that is renewed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.context import engine, now, owner, settings
from tasks.values import Claimed

LEASE_S = 20.0  # a killed run is taken over after this; a living one renews four times within it
SHORTEST_LEASE_S = 5.0  # however far the clocks are compressed: a busy machine must not lose its lease


@task(cache_policy=NO_CACHE, retries=3, retry_delay_seconds=2)
def claim_trigger(key: str, kind: str, detail: str) -> Claimed:
    """Claim the trigger for this process."""
    from deploy.stores.ledger import Ledger

    claim = Ledger(engine()).claim(key, kind, detail, owner(), now(), _lease_s())
    return Claimed(key=key, owner=owner(), outcome=claim.outcome, attempt=claim.attempt)


@task(cache_policy=NO_CACHE, retries=3, retry_delay_seconds=2)
def finish_trigger(claimed: Claimed, result: str) -> None:
    """Say that the work is done; from here on the trigger is a duplicate for everybody."""
    from deploy.stores.ledger import Ledger

    Ledger(engine()).finish(claimed.key, claimed.owner, "done", result, now())


@contextmanager
def holding(claimed: Claimed) -> Iterator[None]:
    """Renew the lease in the background; give it up at once on an error, so that the next start needn't wait."""
    from deploy.stores.errors import StoreError
    from deploy.stores.ledger import Ledger

    ledger = Ledger(engine())
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(_lease_s() / 4):
            try:
                ledger.renew(claimed.key, claimed.owner, now())
            except StoreError as error:
                print(f"lease of {claimed.key} was not renewed: {error}")

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        ended.set()
        thread.join()
        ledger.release_claim(claimed.key, claimed.owner)
        raise
    ended.set()
    thread.join()


def _lease_s() -> float:
    return max(SHORTEST_LEASE_S, LEASE_S * settings().clock_factor)
