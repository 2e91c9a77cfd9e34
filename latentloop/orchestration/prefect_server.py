"""The Prefect server that `latentloop up` starts: Prefect's own application behind a door of ours.

`python -m latentloop.orchestration.prefect_server --port N`. Prefect asks for the word that its environment names, but
answers under any host name, so that a page of a name that was turned to 127.0.0.1 is of the server's own origin (DNS
rebinding): the door refuses those. It also serves the page that signs a browser in.
"""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from importlib.resources import files

from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from latentloop.orchestration.prefect_environment import SIGN_IN_PATH

HOSTS = ("127.0.0.1", "localhost")


class SignIn:
    """One page in front of an application: it hands the word to the pages of the same origin."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._page = files("latentloop").joinpath("sign_in.html").read_text("utf-8")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The page under its path, the application everywhere else."""
        if scope["type"] == "http" and scope["path"] == SIGN_IN_PATH:
            headers = {"Cache-Control": "no-store", "X-Frame-Options": "DENY"}
            await HTMLResponse(self._page, headers=headers)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def behind_the_door(app: ASGIApp) -> ASGIApp:
    """The application with the sign-in page, for requests to this machine's own names only (else 400)."""
    return TrustedHostMiddleware(SignIn(app), allowed_hosts=HOSTS, www_redirect=False)


def main() -> None:
    """Run until SIGTERM, as `prefect server start` does."""
    import uvicorn
    from prefect import settings
    from prefect.server.api.server import create_app

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="on 127.0.0.1")
    with waiting_database(settings.PREFECT_API_DATABASE_CONNECTION_URL.value()):
        uvicorn.run(
            behind_the_door(create_app(final=True)),
            host="127.0.0.1",
            port=parser.parse_args().port,
            timeout_keep_alive=settings.PREFECT_SERVER_API_KEEPALIVE_TIMEOUT.value(),
            ws_ping_interval=settings.PREFECT_SERVER_API_WEBSOCKET_PING_INTERVAL.value(),
            ws_ping_timeout=settings.PREFECT_SERVER_API_WEBSOCKET_PING_TIMEOUT.value(),
            log_level=settings.PREFECT_SERVER_LOGGING_LEVEL.value().lower(),
        )


def waiting_database(url: str) -> AbstractContextManager[None]:
    """While it lasts, Prefect's writers wait for one another; nothing changes where it does not keep a SQLite file."""
    if not url.startswith("sqlite"):
        return nullcontext()
    from prefect.server.database.dependencies import temporary_database_config

    from latentloop.orchestration.prefect_database import WaitingSqlite

    waiting: AbstractContextManager[None] = temporary_database_config(WaitingSqlite(connection_url=url))
    return waiting


if __name__ == "__main__":
    main()
