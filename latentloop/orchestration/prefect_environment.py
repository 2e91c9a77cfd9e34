"""What the processes of an installation are told about Prefect's server, and what that server is told itself.

The word travels by environments alone, which only the same user can read: a command line is open to everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from deploy.settings import Settings

SERVER_COMMAND = ("-m", "latentloop.orchestration.prefect_server")
WORKER_COMMAND = ("-m", "latentloop.orchestration.prefect_worker", "worker", "start")
SIGN_IN_PATH = "/latentloop/sign-in"


def client_environment(settings: Settings) -> dict[str, str]:
    """For everybody who asks the server: controller, workers, flow runs, `prefect deploy`.

    The settings alone say as whom: a variable of the shell that `up` was called from belongs to another server.
    """
    assert settings.prefect_url
    told = {"PREFECT_API_URL": settings.prefect_url, "LATENTLOOP_PREFECT_URL": settings.prefect_url}
    if settings.prefect_auth is not None:
        word = settings.prefect_auth.get_secret_value()
        told |= {"PREFECT_API_AUTH_STRING": word, "LATENTLOOP_PREFECT_AUTH": word}
    return told


def without_foreign_word(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without a word that the shell has for a server that is not ours."""
    return {name: value for name, value in environment.items() if name != "PREFECT_API_AUTH_STRING"}


def server_environment(settings: Settings) -> dict[str, str]:
    """For the server that `up` starts: its word, and the two origins that its own pages have."""
    assert settings.prefect_url and settings.prefect_auth is not None
    return {
        "PREFECT_SERVER_API_AUTH_STRING": settings.prefect_auth.get_secret_value(),
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": own_origins(settings.prefect_url),
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    }


def own_hosts(url: str) -> str:
    """What the Host header of a request to this loopback server may be: `127.0.0.1:PORT,localhost:PORT`."""
    port = urlsplit(url).port
    return f"127.0.0.1:{port},localhost:{port}"


def own_origins(url: str) -> str:
    """The origins of the pages of this loopback server."""
    return ",".join(f"http://{host}" for host in own_hosts(url).split(","))
