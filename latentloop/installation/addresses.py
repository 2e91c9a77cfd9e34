"""Where the servers of an installation are: which ones are ours to start, and on which ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from deploy.settings import Settings, SettingsError
from deploy.stores.errors import StoreError
from deploy.wiring import open_registry
from latentloop.installation.kept_ports import read_ports
from latentloop.supervisor.ports import HeldPort, hold_port

PREFERRED_PORTS = {"prefect_url": 4200, "mlflow_url": 5000}


@dataclass(slots=True)
class Addresses:
    """The ports that we hold, by the name of the URL; `fixed` ones are named by the settings and never chosen anew.

    usual: where each server is while nobody else has its port. before: those of the last start, as far as they are
    known.
    """

    configured: Settings
    ports: dict[str, HeldPort]
    fixed: frozenset[str]
    usual: Mapping[str, int]
    before: Mapping[str, int] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """The settings with every URL, as the ports are now."""
        urls = {name: _url(name, port.number) for name, port in self.ports.items()}
        return self.configured.model_copy(update=urls)

    def moved(self) -> list[str]:
        """A line for each server that is not where a bookmark or a client looks for it: as before, or as usual."""
        lines = {
            name: self._say_moved(name, self.before.get(name), self.usual[name], port.number)
            for name, port in self.ports.items()
        }
        return [f"{name.removesuffix('_url')}: {line}" for name, line in lines.items() if line]

    def _say_moved(self, name: str, before: int | None, usual: int, now: int) -> str:
        if before is None:
            return f"port {usual} is used by another process; it takes {now}" if usual not in (0, now) else ""
        if before == now:
            return f"it takes port {now} as before" if usual not in (0, now) else ""
        if name in self.fixed:
            return f"it had port {before} before; it takes {now}, as serving.port says"
        return (
            f"port {before}, which it had before, is used by another process; it takes {now}: tell its clients the new "
            "address"
        )

    def choose_anew(self, name: str) -> None:
        """Another port of the kernel's choice; the old one is given back."""
        taken, self.ports[name] = self.ports[name], hold_port()
        taken.release()


def usual_ports(settings: Settings, preferred: Mapping[str, int] = PREFERRED_PORTS) -> dict[str, int]:
    """Where each server is while nobody else has its port, by the name of its URL; 0: wherever there is room."""
    return {**preferred, "service_url": settings.serving.port}


def wanted_ports(settings: Settings, name: str, usual: int) -> tuple[int, ...]:
    """The ports that are tried for this server, in turn: the one that the settings name, else that of before, first."""
    before = read_ports(settings.home).get(name)
    if before is None or (name == "service_url" and is_port_named(settings)):
        return (usual,)
    return (before, usual)


def is_port_named(settings: Settings) -> bool:
    """Do the settings name the service's port, so that it takes no other?"""
    return "port" in settings.serving.model_fields_set and settings.serving.port != 0


@contextmanager
def own_servers(settings: Settings, preferred: Mapping[str, int] = PREFERRED_PORTS) -> Iterator[Addresses]:
    """Hold a port for every server that the settings leave out, for as long as the installation runs.

    Those of the last start are tried first, then the `preferred` ones and that of the settings for the service.
    `SettingsError` when the port that the settings name for the service is in use.
    """
    usual = usual_ports(settings, preferred)
    own = [name for name in usual if getattr(settings, name) is None]
    named = "service_url" in own and is_port_named(settings)
    ports = {name: hold_port(*wanted_ports(settings, name, usual[name])) for name in own}
    if named and ports["service_url"].number != settings.serving.port:
        _release(ports)
        raise SettingsError(
            f"serving.port: port {settings.serving.port} on 127.0.0.1 is in use: end what listens there, or set "
            "LATENTLOOP_SERVING__PORT to another port or 0"
        )
    try:
        fixed = frozenset({"service_url"} if named else ())
        yield Addresses(settings, ports, fixed, usual, read_ports(settings.home))
    finally:
        _release(ports)


def addresses(settings: Settings) -> str:
    """Where a person looks: the newest version's own page too, which MLflow's start page does not link to."""
    try:
        registry = open_registry(settings)
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
