"""Where the servers of an installation are: which ones are ours to start, and on which ports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.settings import Settings, SettingsError
from deploy.stores.errors import StoreError
from latentloop.supervisor.ports import HeldPort, hold_port

PREFERRED_PORTS = {"prefect_url": 4200, "mlflow_url": 5000}


@dataclass(slots=True)
class Addresses:
    """The ports that we hold, by the name of the URL; `fixed` ones are named by the settings and never chosen anew."""

    configured: Settings
    ports: dict[str, HeldPort]
    fixed: frozenset[str]

    @property
    def settings(self) -> Settings:
        """The settings with every URL, as the ports are now."""
        urls = {name: _url(name, port.number) for name, port in self.ports.items()}
        return self.configured.model_copy(update=urls)

    def moved(self) -> list[str]:
        """A line for each server whose usual port somebody else has: a bookmark would lead there."""
        usual = {**PREFERRED_PORTS, "service_url": self.configured.serving.port}
        return [
            f"{name.removesuffix('_url')}: port {usual[name]} is used by another process; it takes {port.number}"
            for name, port in self.ports.items()
            if usual[name] not in (0, port.number)
        ]

    def choose_anew(self, name: str) -> None:
        """Another port of the kernel's choice; the old one is given back."""
        taken, self.ports[name] = self.ports[name], hold_port()
        taken.release()


@contextmanager
def own_servers(settings: Settings) -> Iterator[Addresses]:
    """Hold a port for every server that the settings leave out, for as long as the installation runs.

    The preferred ones are tried first. `SettingsError` when the port that the settings name for the service is in use.
    """
    preferred = {**PREFERRED_PORTS, "service_url": settings.serving.port}
    own = [name for name in preferred if getattr(settings, name) is None]
    named = "service_url" in own and "port" in settings.serving.model_fields_set and settings.serving.port != 0
    ports = {name: hold_port(preferred[name]) for name in own}
    if named and ports["service_url"].number != settings.serving.port:
        _release(ports)
        raise SettingsError(
            f"serving.port: port {settings.serving.port} on 127.0.0.1 is in use: end what listens there, or set "
            "LATENTLOOP_SERVING__PORT to another port or 0"
        )
    try:
        where = Addresses(settings, ports, frozenset({"service_url"} if named else ()))
        yield where
    finally:
        _release(ports)


def addresses(settings: Settings) -> str:
    """Where a person looks: the newest version's own page too, which MLflow's start page does not link to."""
    try:
        registry = settings.open_registry()
        newest = next(iter(registry.versions()), None) if registry.ready() else None
        version = f"version     {registry.version_url(newest.version)}\n" if newest is not None else ""
    except StoreError:
        version = ""
    return (
        f"service     {settings.service_url}/docs\n"
        f"registry    {settings.mlflow_url}/#/models/{settings.product}\n"
        f"{version}"
        f"runs        {(settings.prefect_url or '').removesuffix('/api')} (`latentloop open runs` signs in)\n"
        f"home        {settings.home.resolve()}"
    )


def _release(ports: dict[str, HeldPort]) -> None:
    for port in ports.values():
        port.release()


def _url(name: str, port: int) -> str:
    return f"http://127.0.0.1:{port}" + ("/api" if name == "prefect_url" else "")
