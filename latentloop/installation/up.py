"""`latentloop up`: the whole product on one machine, on loopback, under one supervisor.

Servers that the settings name are used; those that they leave out are started here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from deploy.configuration.digest import settings_digest
from deploy.configuration.in_force import declare_settings
from deploy.private_home import make_private
from deploy.settings import Settings, SettingsError
from deploy.stores.errors import StoreError, StoreUnavailable
from deploy.stores.objects.release_file import generate_keys
from deploy.stores.prefect_auth import generate_prefect_auth
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import open_database, open_objects, open_telemetry
from latentloop.installation.addresses import Addresses, addresses, own_servers
from latentloop.installation.kept_ports import keep_ports
from latentloop.installation.running import (
    Installation,
    child_environment,
    forget_installation,
    write_installation,
)
from latentloop.interrupts import INTERRUPTS
from latentloop.orchestration.deployments import declared_pools, register_deployments
from latentloop.orchestration.prefect_environment import (
    SERVER_COMMAND,
    WORKER_COMMAND,
    own_hosts,
    own_origins,
    server_environment,
)
from latentloop.supervisor.child import ChildSpec
from latentloop.supervisor.family import adopt_orphans
from latentloop.supervisor.judging import Patience
from latentloop.supervisor.lock import hold_home
from latentloop.supervisor.probes import (
    answers,
    ask_store,
    controller_beats,
    ledger_answers,
    objects_answer,
    telemetry_answers,
    worker_polls,
    works_with,
)
from latentloop.supervisor.pulse import Heard, Sign
from latentloop.supervisor.report import PartReport
from latentloop.supervisor.starting import await_settled
from latentloop.supervisor.tending import Say, Supervisor
from latentloop.timing.telling_time import keep_duration, read_durations, say_so_far

UP_LOG = Path("logs") / "up.log"
WHAT = "up"  # the name under which its duration is remembered
REFUSES_ITS_SETTINGS = 2  # exit code of `python -m deploy.serving`
# a look of the controller may wait for dead neighbours, or measure a version, for minutes
CONTROLLER_PATIENCE = Patience(silence_s=900.0)
# what waits for a heartbeat that is half a minute late must not be ended by a busy server
WORKER_PATIENCE = Patience(silence_s=240.0)


@dataclass(frozen=True, slots=True)
class Running:
    """A started installation: its settings with all URLs, and who looks after its processes."""

    settings: Settings
    supervisor: Supervisor

    def tend(self, say: Say) -> None:
        """Start again what died or does not answer."""
        self.supervisor.tend()

    def missing(self) -> tuple[PartReport, ...]:
        """What could not be brought up, or is not up any more."""
        return self.supervisor.missing()


@contextmanager
def running_installation(settings: Settings, say: Say) -> Iterator[Running]:
    """Start everything, hand it over, and end everything, whatever happens in between.

    What could not be brought up is in `missing`, said, and tried again; `SettingsError`, `StoreError` or
    `ProcessFailed` where nothing can be: another supervisor, no ledger, a service that refuses its settings.
    """
    began, before_s = time.monotonic(), read_durations(settings.home).seconds.get(WHAT)

    def so_far() -> str:
        return say_so_far(time.monotonic() - began, before_s)

    with hold_home(settings.home), own_servers(settings) as where:
        adopt_orphans()
        _prepare(settings, say)
        _guard_prefect(where)
        for line in where.moved():
            say(line)
        supervisor = Supervisor(settings.home, say, logs=(settings.home / UP_LOG,))
        try:
            _watch_stores(supervisor, settings)
            for spec in _servers(where).values():
                supervisor.add(spec)
            await_settled(supervisor, so_far)
            settings = where.settings
            supervisor.keep_ports()
            _remember(where)
            _start_dependents(supervisor, settings, say)
            await_settled(supervisor, so_far)
            for part in supervisor.missing():
                say(f"not up: {part.line}")
            supervisor.finish_start()
            keep_duration(settings.home, WHAT, time.monotonic() - began)
            yield Running(settings, supervisor)
        finally:
            forget_installation(settings.home)
            supervisor.stop()


def supervise(settings: Settings, say: Say, show: Say) -> None:
    """Run until SIGTERM or Ctrl-C (both arrive as KeyboardInterrupt or SystemExit); the addresses are shown."""
    with running_installation(settings, say) as running:
        show(addresses(running.settings))
        while True:
            time.sleep(1)
            INTERRUPTS.heed()
            running.tend(say)


def _prepare(settings: Settings, say: Say) -> None:
    """Folders, keys, the migrated ledger and the settings in force in it, before any process needs them."""
    if not settings.features_file.is_file():
        raise SettingsError(f"{settings.features_file}: the feature network is missing: run `latentloop setup` once")
    make_private(settings.home)
    home = settings.home.resolve()
    for name in ("logs", "prefect", "mlflow", "objects"):
        (home / name).mkdir(parents=True, exist_ok=True)
    generate_keys(settings.secrets_folder)
    with suppress(StoreUnavailable):  # one that is away is said with the other parts, and serves nobody wrongly
        open_objects(settings).require_conditional_writes()
    engine = open_database(settings)
    if changed := declare_settings(Ledger(engine), settings, datetime.now(UTC)):
        say(f"settings changed since the last start: {changed}")
    engine.dispose()


def _guard_prefect(where: Addresses) -> None:
    """A Prefect server of ours asks for a word: the one of the settings, else one that this home keeps."""
    configured = where.configured
    if "prefect_url" in where.ports and configured.prefect_auth is None:
        word = generate_prefect_auth(configured.secrets_folder)
        where.configured = configured.model_copy(update={"prefect_auth": word})


def _watch_stores(supervisor: Supervisor, settings: Settings) -> None:
    """Ledger, telemetry and objects: one that does not answer is said, now and whenever it happens."""
    supervisor.add_store("database", ledger_answers(settings))
    if settings.telemetry_database != settings.ledger_url:
        opening = _opening(settings)
        first = opening()  # migrates it; one that is away is migrated by the service later
        asked = telemetry_answers(settings)
        supervisor.add_store("telemetry database", asked if first.sign is Sign.alive else opening)
    supervisor.add_store("object store", _objects(settings))


def _opening(settings: Settings) -> Callable[[], Heard]:
    return lambda: ask_store(lambda: open_telemetry(settings))


def _objects(settings: Settings) -> Callable[[], Heard]:
    try:
        return objects_answer(open_objects(settings))
    except StoreError as error:
        said = str(error)
        return lambda: Heard(Sign.silent, said)


def _remember(where: Addresses) -> None:
    """Say to every other command where the servers are, and to the next start where they were."""
    settings = where.settings
    assert settings.prefect_url and settings.mlflow_url and settings.service_url
    write_installation(
        settings.home,
        Installation(
            pid=psutil.Process().pid,
            born=psutil.Process().create_time(),
            prefect_url=settings.prefect_url,
            mlflow_url=settings.mlflow_url,
            service_url=settings.service_url,
            own_prefect="prefect_url" in where.ports,
        ),
    )
    keep_ports(settings.home, {name: port.number for name, port in where.ports.items()})


def _servers(where: Addresses) -> dict[str, ChildSpec]:
    """What has a port, by the name of its URL: the servers that the settings leave out, at the addresses of now."""
    settings = where.settings
    environment, home = child_environment(settings), settings.home.resolve()
    specs = {}
    if "prefect_url" in where.ports:
        command = [sys.executable, *SERVER_COMMAND, "--port", str(where.ports["prefect_url"].number)]
        guarded = environment | server_environment(settings)
        specs["prefect_url"] = _spec("prefect server", command, guarded, home, f"{settings.prefect_url}/health")
    if "mlflow_url" in where.ports:
        assert settings.mlflow_url
        command = [
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1",
            "--port", str(where.ports["mlflow_url"].number),
            "--backend-store-uri", f"sqlite:///{home / 'mlflow' / 'mlflow.db'}",
            "--artifacts-destination", str(home / "mlflow" / "artifacts"), "--workers", "1",
            "--allowed-hosts", own_hosts(settings.mlflow_url),
            "--cors-allowed-origins", own_origins(settings.mlflow_url),
        ]  # fmt: skip
        quiet = {**environment, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        quiet.pop("MLFLOW_TRACKING_URI", None)
        specs["mlflow_url"] = _spec("mlflow server", command, quiet, home, f"{settings.mlflow_url}/health")
    if "service_url" in where.ports:
        command = [sys.executable, "-m", "deploy.serving", "--port", str(where.ports["service_url"].number)]
        works = works_with(f"{settings.service_url}/readyz", settings_digest(settings))
        log = home / "logs" / "service.log"
        service = ChildSpec("service", command, environment, home, log, works, refuses_with=REFUSES_ITS_SETTINGS)
        specs["service_url"] = service
    return {name: _at_its_port(name, spec, where) for name, spec in specs.items()}


def _at_its_port(name: str, spec: ChildSpec, where: Addresses) -> ChildSpec:
    """The child must prove that it owns its port; one that was taken is chosen anew, unless the settings name it."""

    def move() -> ChildSpec:
        where.choose_anew(name)
        return _servers(where)[name]

    return replace(spec, port=where.ports[name].number, move=None if name in where.fixed else move)


def _start_dependents(supervisor: Supervisor, settings: Settings, say: Say) -> None:
    """Who must know the URLs: the controller at once, deployments and workers once Prefect is up."""
    environment, home = child_environment(settings), settings.home.resolve()
    command = [sys.executable, "-m", "deploy.controller"]
    log, beats = home / "logs" / "controller.log", controller_beats(settings)
    supervisor.add(ChildSpec("controller", command, environment, home, log, beats, patience=CONTROLLER_PATIENCE))
    ours = any(spec.name == "prefect server" for spec in supervisor.specs())
    supervisor.add_errand(
        "deployments",
        lambda: register_deployments(settings, say),
        needs="prefect server" if ours else None,
    )
    say(f"worker gpu takes the trainings: {say_where_it_trains(settings.training.device)}")
    for spec in _workers(settings, environment):
        supervisor.add(spec)


def say_where_it_trains(device: str) -> str:
    """What the pool's name does not tell whoever has no GPU: nothing waits for one."""
    if device == "cpu":
        return 'they run on the processor, as training.device = "cpu" says, and no GPU is needed'
    return f"they run on {device} (training.device); where this machine has none they end and say so, they do not wait"


def _workers(settings: Settings, environment: Mapping[str, str]) -> Iterator[ChildSpec]:
    home = settings.home.resolve()
    for pool in declared_pools():
        name = f"laptop-{pool}"
        command = [
            sys.executable, *WORKER_COMMAND, "--pool", pool, "--name", name, "--type", "process",
        ]  # fmt: skip
        log, polls = home / "logs" / f"worker-{pool}.log", worker_polls(settings, pool, name)
        yield ChildSpec(
            f"worker {pool}", command, environment, home, log, polls, patience=WORKER_PATIENCE, needs="deployments"
        )


def _spec(name: str, command: list[str], environment: Mapping[str, str], home: Path, health_url: str) -> ChildSpec:
    log = home / "logs" / f"{name.replace(' ', '-')}.log"
    return ChildSpec(name, command, environment, home, log, answers(health_url))
