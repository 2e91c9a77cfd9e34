"""Asks for the paired Frechet difference of a canary: the one number of its trial that a flow has to measure.

Asked for once a canary; again only when a run ended without its line in the ledger. While the orchestrator is away the
trial is extended, and the next look asks.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta

from deploy.controller.trials import Standing, read_frechet
from deploy.stores.errors import ObjectMissing, StoreError
from deploy.stores.ledger import Ledger
from deploy.stores.orchestrator import Orchestrator

DEPLOYMENT = "deliver/deliver"

_log = logging.getLogger("latentloop.controller")


def ask_for_frechet(
    standing: Standing, ledger: Ledger, orchestrator: Orchestrator, now: datetime, retry_s: float
) -> bool:
    """True when a run was asked for; StoreError when the orchestrator is away or knows no such deployment."""
    if standing.stage != "canary" or read_frechet(ledger, standing) is not None:
        return False
    asked = ledger.entries("frechet-asked", standing.subject, limit=1)
    attempt = 1
    if asked:
        body = json.loads(asked[0].body)
        if now - asked[0].at < timedelta(seconds=retry_s) or not _ended(orchestrator, body["run"]):
            return False
        attempt = body["attempt"] + 1
    key = f"deliver:{standing.subject}:{attempt}"
    parameters = {
        "version": standing.candidate.version,
        "champion": standing.champion.version,
        "since": standing.since.isoformat(),
    }
    run = orchestrator.create_run(DEPLOYMENT, parameters, key)
    body = {"run": run.id, "url": run.url, "attempt": attempt, **parameters}
    ledger.record("frechet-asked", standing.subject, json.dumps(body), now, key=f"frechet-asked:{key}")
    _log.info("asked for the Frechet difference of %s (attempt %d): %s", standing.subject, attempt, run.url)
    return True


def _ended(orchestrator: Orchestrator, run: str) -> bool:
    try:
        return orchestrator.run_state(run).finished
    except ObjectMissing:  # the server was made anew
        return True
    except StoreError:
        return False
