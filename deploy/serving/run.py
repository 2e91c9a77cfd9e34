"""Listening and serving: the socket is bound before anything heavy loads, so a taken port is told at once."""

from __future__ import annotations

import logging
import signal
import socket

import uvicorn
from fastapi import FastAPI

from deploy.serving.config import ServingConfig

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


def serve(app: FastAPI, listener: socket.socket, config: ServingConfig) -> None:
    """Answer until SIGTERM or SIGINT; requests in flight end first, then telemetry and captures are saved."""
    host, port = listener.getsockname()[:2]
    _LOG.info("serving on http://%s:%d as replica %s", f"[{host}]" if ":" in host else host, port, config.replica)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=config.keep_alive_s,
            timeout_graceful_shutdown=config.graceful_shutdown_s,
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again after its orderly end, which would turn that into a death by signal
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    server.run(sockets=[listener])
