"""Asks for the paired Frechet difference of a canary: the one number of its trial that a flow has to measure.

More traffic does not narrow an interval that was measured once. So one that holds the margin is measured again, at most
`LOOKS` times in all, each time on twice the images or more. What that costs stands in `tasks/deliver.py`. While the
orchestrator is away the trial is extended, and the next look asks.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deploy.controller.trials import Standing, find_standing, read_frechet
from deploy.record.history import read_fates
from deploy.record.kind import Line
from deploy.record.trials import FRECHET, FRECHET_ASKED, AskedMeasurement, MeasuredChange
from deploy.stores.errors import ObjectMissing, StoreError
from deploy.stores.orchestrator import Orchestrator

if TYPE_CHECKING:
    from deploy.controller.neighbours import Neighbours
    from deploy.settings import Settings

DEPLOYMENT = "deliver/deliver"
LOOKS = 4  # each interval is built with 1 / LOOKS of the 5 %, so that all of them together hold with 95 %
LATER = 4  # times the pause before: from 600 s on, 40 min, 3.3 h and 14 h after the first, within a canary's 24 h

_log = logging.getLogger("latentloop.controller")


def measure_canary(world: Neighbours, settings: Settings, now: datetime) -> bool:
    """Ask for what the canary of this moment lacks: see `ask_for_frechet`."""
    standing = find_standing(world.releases.read(), read_fates(world.ledger), world.ledger)
    retry_s = settings.controller.compressed(settings.clock_factor).measure_retry_s
    # an image is in the object store two segments after its pair at most, unless replicas lost it
    settled = now - timedelta(seconds=max(retry_s, 2 * settings.serving.capture_segment_s))
    margin = settings.delivery.reconstruction_frechet_margin
    return standing is not None and ask_for_frechet(standing, world, now, retry_s, margin, settled)


def ask_for_frechet(
    standing: Standing, world: Neighbours, now: datetime, retry_s: float, margin: float, settled: datetime
) -> bool:
    """True when a run was asked for; StoreError when the orchestrator is away or knows no such deployment.

    A run that ended without its line in the ledger is no look: it is asked for again after `retry_s`. Images that were
    answered until `settled` are captured by now.
    """
    if standing.stage != "canary":
        return False
    measured = FRECHET.lines(world.ledger, standing.subject, limit=LOOKS)
    if measured and not (
        _is_open(measured, standing, world, now, retry_s, margin) and _has_twice(measured[0], standing, world, settled)
    ):
        return False
    look = len(measured) + 1
    attempt = 1
    if (line := FRECHET_ASKED.newest(world.ledger, standing.subject)) is not None:
        before, too_early = line.body, now - line.at < timedelta(seconds=retry_s)
        if before.look == look and (too_early or not _ended(world.orchestrator, before.run)):
            return False
        attempt = before.attempt + 1
    key = f"deliver:{standing.subject}:{attempt}"
    parameters = {
        "version": standing.candidate.version,
        "champion": standing.champion.version,
        "since": standing.since.isoformat(),
        "look": look,
        "least": _twice(measured[0]) if measured else 0,
    }
    run = world.orchestrator.create_run(DEPLOYMENT, parameters, key)
    asked = AskedMeasurement(run=run.id, url=run.url, attempt=attempt, parameters=parameters, look=look)
    FRECHET_ASKED.write(world.ledger, standing.subject, asked, now, key=f"{FRECHET_ASKED.name}:{key}")
    _log.info(
        "asked for the Frechet difference of %s (look %d, attempt %d): %s", standing.subject, look, attempt, run.url
    )
    return True


def _is_open(
    measured: Sequence[Line[MeasuredChange]],
    standing: Standing,
    world: Neighbours,
    now: datetime,
    retry_s: float,
    margin: float,
) -> bool:
    """Whether the newest look, some time ago, left it open and was not the last."""
    change = read_frechet(world.ledger, standing)
    assert change is not None
    pause = timedelta(seconds=retry_s * LATER ** len(measured))
    return not (len(measured) == LOOKS or change.low > margin or change.high < margin or now - measured[0].at < pause)


def _has_twice(measured: Line[MeasuredChange], standing: Standing, world: Neighbours, settled: datetime) -> bool:
    """Whether twice the images of that look came since the trial began."""
    candidate, champion = standing.candidate.version, standing.champion.version
    return world.pairs.count(standing.since, settled, candidate=candidate, champion=champion) >= _twice(measured)


def _twice(measured: Line[MeasuredChange]) -> int:
    return 2 * measured.body.n


def _ended(orchestrator: Orchestrator, run: str) -> bool:
    try:
        return orchestrator.run_state(run).finished
    except ObjectMissing:  # the server was made anew
        return True
    except StoreError:
        return False
