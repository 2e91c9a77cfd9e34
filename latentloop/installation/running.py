"""The running installation of this machine: where its parts answer, and who supervises them.

`latentloop up` writes `run/state.json` under its home; every other command finds the servers through it, unless the
settings name servers of their own.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.configuration.in_force import find_disagreement, require_agreement
from deploy.configuration.sources import FOLDERS, URLS
from deploy.settings import CONFIG_VARIABLE, ENV_PREFIX, Settings, SettingsError
from deploy.stores.errors import StoreError
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import open_database
from latentloop.installation.installed import require_installed
from latentloop.orchestration.prefect_environment import client_environment, without_foreign_word

STATE_FILE = Path("run") / "state.json"


class Installation(BaseModel):
    """What `up` started: the supervisor's pid with its birth time (pids are reused), and where everything answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    pid: int
    born: float
    prefect_url: str
    mlflow_url: str
    service_url: str
    own_prefect: bool = False

    @property
    def alive(self) -> bool:
        """Does the supervisor that wrote this still run?"""
        try:
            return bool(abs(psutil.Process(self.pid).create_time() - self.born) < 1.0)
        except psutil.NoSuchProcess:
            return False


def write_installation(home: Path, installation: Installation) -> None:
    """Write the state file at once."""
    path = home / STATE_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(installation.model_dump_json(indent=2))
    temporary.replace(path)


def read_installation(home: Path) -> Installation | None:
    """The installation that runs from this home, or None."""
    try:
        found = Installation.model_validate(json.loads((home / STATE_FILE).read_text()))
    except (FileNotFoundError, NotADirectoryError, ValidationError, json.JSONDecodeError):
        return None
    return found if found.alive else None


def forget_installation(home: Path) -> None:
    """Remove the state file."""
    with contextlib.suppress(FileNotFoundError):
        (home / STATE_FILE).unlink()


WAY_OUT = "run this beside that file and with the same LATENTLOOP_* variables"


def find_unheeded(settings: Settings) -> str:
    """Where this home is up with other settings than these: which they are, and what to type; else empty."""
    if read_installation(settings.home) is None:
        return ""
    try:
        return find_disagreement(Ledger(open_database(settings)), settings, WAY_OUT)
    except StoreError:  # whoever asks has something else to tell first
        return ""


def connect(settings: Settings) -> Settings:
    """The settings with the URLs of the running installation filled in.

    `SettingsError` when nothing runs, or when it runs with settings that decide otherwise than these; NothingToDo where
    nothing is installed.
    """
    connected = fill_in_urls(settings)
    require_agreement(Ledger(open_database(connected)), connected, WAY_OUT)
    return connected


def fill_in_urls(settings: Settings) -> Settings:
    """The settings with the URLs of the running installation; `SettingsError` when nothing runs.

    NothingToDo where nothing is installed.
    """
    found = read_installation(settings.home)
    urls = {
        name: getattr(settings, name) or (getattr(found, name) if found else None)
        for name in ("prefect_url", "mlflow_url", "service_url")
    }
    missing = [name for name, url in urls.items() if url is None]
    if missing:
        require_installed(settings)
        raise SettingsError(
            f"nothing runs from {settings.home.resolve()} ({', '.join(missing)} unknown): "
            "start it with `latentloop up`, or set LATENTLOOP_HOME to the home of a running one"
        )
    return _with_own_word(settings.model_copy(update=urls), found)


def connect_prefect(settings: Settings) -> Settings:
    """The settings with a Prefect server: the one that they name, whatever runs here, or that of the installation."""
    if settings.prefect_url is None:
        return connect(settings)
    return _with_own_word(settings, read_installation(settings.home))


def _with_own_word(settings: Settings, found: Installation | None) -> Settings:
    """The word for Prefect, where its server is the one that `up` started; a foreign server is never told it."""
    from deploy.stores.prefect_auth import load_prefect_auth

    is_own = found is not None and found.own_prefect and found.prefect_url == settings.prefect_url
    if settings.prefect_auth is not None or not is_own:
        return settings
    return settings.model_copy(update={"prefect_auth": load_prefect_auth(settings.secrets_folder)})


def child_environment(settings: Settings) -> dict[str, str]:
    """What every process of the installation is told: the settings in force, the servers, no phone-home.

    A child runs in another folder: it is told the file and every place by their absolute paths.
    """
    from deploy.settings import VENDOR_ENVIRONMENT

    assert settings.prefect_url and settings.mlflow_url and settings.service_url
    home = settings.home.resolve()
    environment = {
        **without_foreign_word(os.environ),
        **client_environment(settings),
        **VENDOR_ENVIRONMENT,
        **_places_of_the_environment(settings),
        CONFIG_VARIABLE: str(settings.file) if settings.file is not None else "",
        "LATENTLOOP_HOME": str(home),
        "LATENTLOOP_MLFLOW_URL": settings.mlflow_url,
        "LATENTLOOP_SERVICE_URL": settings.service_url,
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_WORKER_QUERY_SECONDS": f"{max(1.0, 5 * settings.clock_factor):g}",
        # a worker that gives up a question calls its run crashed; a crowded server answers late, a dead one at once
        "PREFECT_API_REQUEST_TIMEOUT": os.environ.get("PREFECT_API_REQUEST_TIMEOUT", "240"),
        "PREFECT_CLI_PROMPT": "false",
        "MLFLOW_TRACKING_URI": settings.mlflow_url,
        "PYTHONUNBUFFERED": "1",
        # spinning barriers of two BLAS threads beside other load cost more than the second thread brings
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
    }
    environment.pop("PREFECT_PROFILE", None)
    return environment


def _places_of_the_environment(settings: Settings) -> dict[str, str]:
    """The places that variables name; those that the file names, secrets among them, stay in the file."""
    named = {name.lower(): name for name in os.environ}
    variables = {place: named.get(f"{ENV_PREFIX}{place}".lower()) for place in (*FOLDERS, *URLS)}
    return {variable: str(getattr(settings, place)) for place, variable in variables.items() if variable is not None}
