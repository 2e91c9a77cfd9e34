"""`latentloop up`: the whole product on one machine, on loopback, under one supervisor.

Servers that the settings name are used; those that they leave out are started here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from deploy.settings import Settings, SettingsError
from latentloop.deployments import register_deployments
from latentloop.installation import (
    Installation,
    child_environment,
    forget_installation,
    read_installation,
    write_installation,
)
from latentloop.prefect_environment import SERVER_COMMAND, own_hosts, own_origins, prefect_login, server_environment
from latentloop.processes import (
    Child,
    ChildSpec,
    adopt_orphans,
    await_healthy,
    free_port,
    port_is_free,
    restart_dead,
    start,
    stop_all,
)

POOLS = ("cpu", "gpu")
PREFERRED_PORTS = {"prefect_url": 4200, "mlflow_url": 5000}

Say = Callable[[str], None]


@dataclass(slots=True)
class Running:
    """A started installation: its settings with all URLs, and its children."""

    settings: Settings
    children: list[Child]

    def tend(self, say: Say) -> None:
        """Start again what died."""
        restart_dead(self.children, say)


@contextmanager
def running_installation(settings: Settings, say: Say) -> Iterator[Running]:
    """Start everything, hand it over, and end everything, whatever happens in between."""
    if (other := read_installation(settings.home)) is not None:
        raise SettingsError(
            f"{settings.home.resolve()} is already up (pid {other.pid}): use it, or end it with `latentloop down`"
        )
    adopt_orphans()
    settings, own = _with_urls(settings)
    settings = _prepare(settings, own)
    environment = child_environment(settings)
    children: list[Child] = []
    try:
        _start(_servers(settings, own, environment), children, say)
        register_deployments(settings, say)
        _start(list(_workers(settings, environment)), children, say)
        assert settings.prefect_url and settings.mlflow_url and settings.service_url
        write_installation(
            settings.home,
            Installation(
                pid=psutil.Process().pid,
                born=psutil.Process().create_time(),
                prefect_url=settings.prefect_url,
                mlflow_url=settings.mlflow_url,
                service_url=settings.service_url,
                own_prefect="prefect_url" in own,
            ),
        )
        yield Running(settings, children)
    finally:
        forget_installation(settings.home)
        stop_all(children)


def supervise(settings: Settings, say: Say) -> None:
    """Run until SIGTERM or Ctrl-C (both arrive as KeyboardInterrupt or SystemExit)."""
    with running_installation(settings, say) as running:
        say(addresses(running.settings))
        while True:
            time.sleep(1)
            running.tend(say)


def addresses(settings: Settings) -> str:
    """Where a person looks: the newest version's own page too, which MLflow's start page does not link to."""
    registry = settings.open_registry()
    newest = next(iter(registry.versions()), None)
    version = f"version     {registry.version_url(newest.version)}\n" if newest is not None else ""
    return (
        f"service     {settings.service_url}/docs\n"
        f"registry    {settings.mlflow_url}/#/models/{settings.product}\n"
        f"{version}"
        f"runs        {(settings.prefect_url or '').removesuffix('/api')} (`latentloop open runs` signs in)\n"
        f"home        {settings.home.resolve()}"
    )


def _with_urls(settings: Settings) -> tuple[Settings, frozenset[str]]:
    """Every URL settled, and the names of the servers that are ours to start."""
    preferred = {**PREFERRED_PORTS, "service_url": settings.serving.port}
    own = frozenset(name for name in preferred if getattr(settings, name) is None)
    if "service_url" in own and "port" in settings.serving.model_fields_set and not port_is_free(settings.serving.port):
        raise SettingsError(
            f"serving.port: port {settings.serving.port} on 127.0.0.1 is in use: end what listens there, or set "
            "LATENTLOOP_SERVING__PORT to another port or 0"
        )
    urls = {}
    for name in own:
        port = preferred[name] if preferred[name] and port_is_free(preferred[name]) else free_port()
        urls[name] = f"http://127.0.0.1:{port}" + ("/api" if name == "prefect_url" else "")
    return settings.model_copy(update=urls), own


def _prepare(settings: Settings, own: frozenset[str]) -> Settings:
    """Folders, keys and migrated databases, before any process needs them; the settings with the word for Prefect."""
    from deploy.stores.prefect_auth import generate_prefect_auth
    from deploy.stores.release_file import generate_keys

    if not settings.features_file.is_file():
        raise SettingsError(f"{settings.features_file}: the feature network is missing: run `latentloop setup` once")
    home = settings.home.resolve()
    for name in ("logs", "prefect", "mlflow", "objects"):
        (home / name).mkdir(parents=True, exist_ok=True)
    generate_keys(settings.secrets_folder)
    settings.open_database().dispose()
    settings.open_telemetry()
    if "prefect_url" not in own or settings.prefect_auth is not None:
        return settings
    return settings.model_copy(update={"prefect_auth": generate_prefect_auth(settings.secrets_folder)})


def _start(specs: list[ChildSpec], children: list[Child], say: Say) -> None:
    fresh = [start(spec) for spec in specs]
    children.extend(fresh)
    await_healthy(fresh, lambda child, seconds: say(f"{child.spec.name} is up after {seconds:.1f} s"))


def _servers(settings: Settings, own: frozenset[str], environment: dict[str, str]) -> list[ChildSpec]:
    python, home = sys.executable, settings.home.resolve()
    specs = []
    if "prefect_url" in own:
        command = [python, *SERVER_COMMAND, "--port", _port(settings.prefect_url)]
        guarded = environment | server_environment(settings)
        specs.append(_spec("prefect server", command, guarded, home, f"{settings.prefect_url}/health"))
    if "mlflow_url" in own:
        assert settings.mlflow_url
        command = [
            python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", _port(settings.mlflow_url),
            "--backend-store-uri", f"sqlite:///{home / 'mlflow' / 'mlflow.db'}",
            "--artifacts-destination", str(home / "mlflow" / "artifacts"), "--workers", "1",
            "--allowed-hosts", own_hosts(settings.mlflow_url),
            "--cors-allowed-origins", own_origins(settings.mlflow_url),
        ]  # fmt: skip
        quiet = {**environment, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        quiet.pop("MLFLOW_TRACKING_URI", None)
        specs.append(_spec("mlflow server", command, quiet, home, f"{settings.mlflow_url}/health"))
    if "service_url" in own:
        port = _port(settings.service_url)
        command = [python, "-m", "deploy.serving", "--port", port]
        specs.append(_spec("service", command, environment, home, f"{settings.service_url}/healthz"))
    command = [python, "-m", "deploy.controller"]
    specs.append(
        ChildSpec(
            "controller", command, environment, home, home / "logs" / "controller.log", _controller_beats(settings)
        )
    )
    return specs


def _workers(settings: Settings, environment: dict[str, str]) -> Iterator[ChildSpec]:
    home = settings.home.resolve()
    for pool in POOLS:
        name = f"laptop-{pool}"
        command = [
            sys.executable,
            "-m",
            "prefect",
            "worker",
            "start",
            "--pool",
            pool,
            "--name",
            name,
            "--type",
            "process",
        ]
        log = home / "logs" / f"worker-{pool}.log"
        yield ChildSpec(f"worker {pool}", command, environment, home, log, _worker_polls(settings, pool, name))


def _spec(name: str, command: list[str], environment: dict[str, str], home: Path, health_url: str) -> ChildSpec:
    return ChildSpec(
        name, command, environment, home, home / "logs" / f"{name.replace(' ', '-')}.log", _answers(health_url)
    )


def _answers(url: str) -> Callable[[], bool]:
    def healthy() -> bool:
        try:
            return httpx.get(url, timeout=2).is_success
        except httpx.HTTPError:
            return False

    return healthy


def _controller_beats(settings: Settings) -> Callable[[], bool]:
    from deploy.stores.ledger import Ledger

    began = time.time()
    ledger = Ledger(settings.open_database())

    def healthy() -> bool:
        beat = ledger.last_beat("controller")
        return beat is not None and beat.timestamp() >= began

    return healthy


def _worker_polls(settings: Settings, pool: str, name: str) -> Callable[[], bool]:
    url, login = f"{settings.prefect_url}/work_pools/{pool}/workers/filter", prefect_login(settings)

    def healthy() -> bool:
        try:
            answer = httpx.post(url, json={}, auth=login, timeout=2)
            return answer.is_success and any(
                each["name"] == name and each["status"] == "ONLINE" for each in answer.json()
            )
        except httpx.HTTPError:
            return False

    return healthy


def _port(url: str | None) -> str:
    return str(urlsplit(url or "").port)
