"""`python -m deploy.controller`: one resident process that turns approvals into releases and suspicions into runs.

A neighbour that is away is waited for, and keeps nothing waiting that does not need it; nothing is forgotten, because
every look starts from what the stores say.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from deploy.configuration.digest import SHORT, settings_digest
from deploy.configuration.in_force import declare_settings
from deploy.controller.drift import act_on_drift
from deploy.controller.measure import measure_canary
from deploy.controller.neighbours import Neighbours, open_neighbours
from deploy.controller.reconcile import Reconciler
from deploy.controller.retraining import revive_retrainings
from deploy.controller.screening import Screening
from deploy.private_home import keep_private
from deploy.settings import Settings, SettingsError, load_settings
from deploy.stores.errors import EpochConflict, StoreError

SHORTEST_PAUSE_S = 0.25
"""However far the clocks are compressed: a look costs about 0.05 s of CPU here and as much of MLflow's."""

_log = logging.getLogger("latentloop.controller")


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        keep_private()
        settings = load_settings()
        world = open_neighbours(settings)
        digest = _put_in_force(settings, world)
    except (SettingsError, StoreError) as error:
        print(f"controller: {error}", file=sys.stderr)
        return 1
    duties = _duties(settings, world)
    pause_s = max(SHORTEST_PAUSE_S, settings.controller.compressed(settings.clock_factor).reconcile_s)
    said: dict[str, str] = {}
    while not ended.is_set():
        with _tolerating("sign of life", said, pause_s):
            world.ledger.beat("controller", _now(), digest)
        for name, duty in duties.items():
            with _tolerating(name, said, pause_s):
                duty()
        ended.wait(pause_s)
    return 0


def _put_in_force(settings: Settings, world: Neighbours) -> str:
    """The digest of the settings; on record, because workers and commands compare theirs with them."""
    digest, changed = settings_digest(settings), declare_settings(world.ledger, settings, _now())
    _log.info("settings %s of %s%s", digest[:SHORT], settings.file_name, f"; changed: {changed}" if changed else "")
    return digest


def _duties(settings: Settings, world: Neighbours) -> dict[str, Callable[[], object]]:
    """What is done at every look; each on its own, so that a neighbour of one keeps no other from its work."""
    factor, config = settings.clock_factor, settings.controller
    reconciler = Reconciler(
        world, config, settings.delivery, _now, factor, golden_tolerance=settings.serving.golden_tolerance
    )
    screening = Screening(world, settings.drift, factor, config.dead_run_retry_s)
    return {
        "delivery": lambda: _deliver(reconciler),
        "measuring": lambda: measure_canary(world, settings, _now()),
        "screening": lambda: screening.look(_now()),
        "drift": lambda: act_on_drift(world, settings.drift, factor, _now()),
        "retraining": lambda: revive_retrainings(world, config.dead_run_retry_s, _now()),
    }


def _deliver(reconciler: Reconciler) -> None:
    """StoreError for a registry that is away, after what could be done without it."""
    if (trouble := reconciler.look().trouble) is not None:
        raise trouble


@contextmanager
def _tolerating(name: str, said: dict[str, str], pause_s: float) -> Iterator[None]:
    try:
        yield
        said.pop(name, None)
    except EpochConflict:
        pass  # somebody else moved the release: the next look sees it
    except StoreError as error:
        if said.get(name) != str(error):  # said once, not every look
            _log.warning("%s: %s; trying again every %.1f s", name, error, pause_s)
        said[name] = str(error)
    except Exception as error:  # a mistake of ours in one duty: the others, rollback among them, must go on
        if said.get(name) != repr(error):
            _log.exception("%s failed; trying again every %.1f s", name, pause_s)
        said[name] = repr(error)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
