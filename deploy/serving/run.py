"""Listening and serving: the socket is bound before anything heavy loads, so a taken port is told at once."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket

import uvicorn
from fastapi import FastAPI

from deploy.serving.config import ServingConfig
from deploy.serving.http.departure import Departure

# Seconds between two looks for connections that have nothing in flight.
SWEEP_S = 0.1
# Seconds in which a request that had its time is told so, before uvicorn cancels what is left.
LAST_WORD_S = 2
_LOG = logging.getLogger("latentloop.serving")


def listen(host: str, port: int) -> socket.socket:
    """Bind a socket to the address; port 0 takes a free one. `OSError` with one line for a person."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise OSError(f"cannot listen on {host}:{port}: {error}; stop what uses it or choose another --port") from error
    return listener


class Server(uvicorn.Server):
    """Uvicorn with an orderly end: the application hears of it first, and no connection outlives its answer.

    `http` is who speaks HTTP on a connection, one of uvicorn's protocols; "auto" is the quickest that is installed.
    """

    def __init__(self, app: FastAPI, config: ServingConfig, http: type[asyncio.Protocol] | str = "auto") -> None:
        self._departure: Departure = app.state.service.departure
        super().__init__(
            uvicorn.Config(
                app,
                http=http,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=config.keep_alive_s,
                timeout_graceful_shutdown=config.graceful_shutdown_s + LAST_WORD_S,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse what is new, wait for what is in flight, then save telemetry and captures."""
        self._departure.begin()
        sweep = asyncio.create_task(self._sweep())
        try:
            await super().shutdown(sockets)
        finally:
            sweep.cancel()

    async def _sweep(self) -> None:
        """Look again: uvicorn does once, and would wait for an idle connection that was accepted a moment later."""
        while True:
            await asyncio.sleep(SWEEP_S)
            for connection in list(self.server_state.connections):
                connection.shutdown()


def serve(app: FastAPI, listener: socket.socket, config: ServingConfig) -> None:
    """Answer until SIGTERM or SIGINT; requests in flight end first, then telemetry and captures are saved.

    That takes at most `graceful_shutdown_s`, `LAST_WORD_S` and `final_flush_s` seconds.
    """
    host, port = listener.getsockname()[:2]
    _LOG.info("serving on http://%s:%d as replica %s", f"[{host}]" if ":" in host else host, port, config.replica)
    server = Server(app, config)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again after its orderly end, which would turn that into a death by signal
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    server.run(sockets=[listener])
