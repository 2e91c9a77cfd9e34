"""Is anything installed in this home? What only reads must not make a home by looking."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import make_url

from deploy.settings import Settings
from latentloop.errors import NothingToDo


def require_installed(settings: Settings) -> Settings:
    """The same settings; NothingToDo where their ledger is a file that nobody has made yet."""
    url = make_url(settings.ledger_url)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        raise NothingToDo(
            f"nothing is installed in {settings.home.resolve()}: begin with `latentloop init FOLDER` and "
            "`latentloop up`, or set LATENTLOOP_HOME to the home of an installation"
        )
    return settings
