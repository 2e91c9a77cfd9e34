"""`python -m deploy.serving [--host H] [--port P]`: one replica, configured by `deploy.settings`."""

from __future__ import annotations

import argparse
import logging
import sys
from functools import partial

from deploy.configuration.digest import SHORT, settings_digest
from deploy.private_home import keep_private
from deploy.serving.outbox.sinks import LateSink
from deploy.serving.run import listen, serve
from deploy.settings import SettingsError, load_settings
from deploy.stores.errors import StoreError, StoreFull, StoreUnavailable
from deploy.wiring import open_objects, open_pairs, open_telemetry, release_public_key


def main() -> int:
    """Serve until a signal comes; 0 after a clean end, 2 with one line when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m deploy.serving", description=__doc__)
    parser.add_argument("--host", help="address to listen on; default: serving.host of the settings")
    parser.add_argument("--port", type=int, help="0 takes a free one; default: serving.port of the settings")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        keep_private()
        settings = load_settings()
        config, digest = settings.serving, settings_digest(settings)
        listener = listen(given.host or config.host, config.port if given.port is None else given.port)
        logging.getLogger("latentloop.serving").info("settings %s of %s", digest[:SHORT], settings.file_name)
        # torch takes seconds: first see that the port is free
        from data_checks.intake.golden import tell_changed_pixels
        from deploy.serving.http.app import create_app

        telemetry, pairs = LateSink(partial(open_telemetry, settings)), LateSink(partial(open_pairs, settings))
        try:
            telemetry.open()
            pairs.open()
        except (StoreUnavailable, StoreFull) as error:
            logging.getLogger("latentloop.serving").warning("telemetry: %s; rows wait until it answers", error)
        app = create_app(
            config,
            objects=open_objects(settings),
            telemetry=telemetry,
            pairs=pairs,
            public_key=release_public_key(settings),
            input_policy=settings.input_policy,
            cache_folder=settings.cache_folder / "serving",
            settings_digest=digest,
            changed_pixels=tell_changed_pixels(),
        )
    except (SettingsError, StoreError, OSError) as error:
        print(f"deploy.serving: {error}", file=sys.stderr)
        return 2
    serve(app, listener, config)
    return 0


if __name__ == "__main__":
    sys.exit(main())
