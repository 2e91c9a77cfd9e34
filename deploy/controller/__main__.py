"""`python -m deploy.controller`: one resident process that turns approvals into releases.

A neighbour that is away is waited for; nothing is forgotten, because every look starts from what the stores say.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from datetime import UTC, datetime

from deploy.controller.reconcile import Neighbours, reconcile
from deploy.controller.service import Service
from deploy.settings import Settings, SettingsError, load_settings
from deploy.stores.errors import EpochConflict, StoreError
from deploy.stores.ledger import Ledger
from deploy.stores.release import ReleaseStore

_log = logging.getLogger("latentloop.controller")


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        settings = load_settings()
        world = _neighbours(settings)
    except (SettingsError, StoreError) as error:
        print(f"controller: {error}", file=sys.stderr)
        return 1
    pause_s = settings.controller.reconcile_s * settings.clock_factor
    trouble = ""
    while not ended.is_set():
        world.ledger.beat("controller", _now())
        try:
            reconcile(world, settings.controller, _now, settings.clock_factor)
            trouble = ""
        except EpochConflict:
            continue  # somebody else moved the release: look again at once
        except StoreError as error:
            if str(error) != trouble:  # said once, not every look
                _log.warning("%s; trying again every %.0f s", error, pause_s)
            trouble = str(error)
        ended.wait(pause_s)
    return 0


def _neighbours(settings: Settings) -> Neighbours:
    if settings.service_url is None:
        raise SettingsError("service_url is not set: start `latentloop up`, or set LATENTLOOP_SERVICE_URL")
    engine = settings.open_database()
    return Neighbours(
        registry=settings.open_registry(),
        ledger=Ledger(engine),
        releases=ReleaseStore(engine),
        objects=settings.open_objects(),
        service=Service(settings.service_url),
        signing_key=settings.release_private_key(),
    )


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
