"""One real installation for the whole package; the story's first steps are fixtures that each test may start from."""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import numpy as np
import psutil
import pytest

from deploy.settings import Settings, load_settings
from deploy.stores.authorities import trusted
from deploy.stores.errors import StoreUnavailable
from deploy.stores.orchestrator import Orchestrator
from deploy.wiring import open_orchestrator, open_registry
from latentloop.demo import shipment
from latentloop.demo.approval import approve_as_the_ui_does
from latentloop.demo.shipment import Shipment, write_shipment
from latentloop.installation.running import connect
from latentloop.supervisor.judging import Phase
from latentloop.supervisor.report import read_children
from tests.e2e.wheel import install_wheel
from tests.latentloop.front_door import environment, run_latentloop
from tests.latentloop.products import product_images
from tests.prefect_login import prefect_login
from tests.servers import PatientTransport

T = TypeVar("T")

# said by the environment alone: it must reach every process, and show in the digest
COOLDOWN_S = 7_200.0
RESTART_S = 300.0  # a killed server comes up again within half a minute, on a crowded machine within two
IMAGES = 600
SOURCES = 12
TELEMETRY_QUEUE = 50

SETTINGS = f"""\
product = "e2e"
clock_factor = 0.4

[input_policy]
min_variance = 0.003

[training.model]
variant = "conv_vae"
widths = [8, 16]
latent_dim = 8

[training.full]
learning_rate = 1e-2
final_learning_rate = 3e-3
snapshots = 0
mutual_information_every_steps = 0
twin_share = 0.0

[training.full.budget]
amount = 60
unit = "steps"

# a run that a test kills is given up soon
[controller]
lease_s = 5

# few enough that a test can fill it
[serving]
telemetry_queue = {TELEMETRY_QUEUE}

[evaluation]
n_images = 200
n_samples = 200
holdout_min = 60

# sixty steps on a few hundred images make no good model: this story is about the way, not about the quality
[gate]
kernel_margin = 10.0
first_min_explained_variance = 0.01
first_min_active_units = 1
first_max_frechet_over_floor = 1000000.0
"""


# as the supervisor says it: "prefect server ended with exit code -9; it said: ...; starting it again in 1 s"
_DEATH = re.compile(
    r"(.+?) (?:ended with exit code|did not answer for|was not up after) .*(?:starting it again|tried again)"
)


@dataclass(frozen=True)
class Loop:
    """A running installation: what its commands are told, its settings with all URLs, which parts tests have killed."""

    folder: Path
    env: dict[str, str]
    settings: Settings
    killed: list[str] = field(default_factory=list)

    def score(self, image: bytes) -> httpx.Response:
        """Ask the service about one PNG."""
        headers = {"Content-Type": "image/png"}
        return httpx.post(
            f"{self.settings.service_url}/v1/score", content=image, headers=headers, timeout=120, verify=trusted()
        )

    def ask_prefect(self, method: str, path: str, body: Any = None) -> Any:
        """What the installation's Prefect server answers to whoever knows its word."""
        url, login = f"{self.settings.prefect_url}{path}", prefect_login(self.settings)
        with httpx.Client(auth=login, timeout=120, transport=PatientTransport(verify=trusted())) as client:
            answer = _once_it_is_up(lambda: client.request(method, url, json=body))
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def open_orchestrator(self) -> Orchestrator:
        """Prefect, waited for while its supervisor starts it again."""
        orchestrator = open_orchestrator(self.settings, RESTART_S)
        _once_it_is_up(orchestrator.deployments)
        return orchestrator

    def digest_of(self, version: str) -> str:
        """The digest that the registry keeps of a version."""
        return open_registry(self.settings).version(version).tags["model_digest"]

    def run(self, *arguments: str, timeout_s: float = 800) -> str:
        """Run a command that must succeed; returns its stdout."""
        done = run_latentloop(*arguments, env=self.env, folder=self.folder, timeout_s=timeout_s)
        assert done.returncode == 0, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="package")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel as a stranger does, into a folder whose name has a space, and set it up."""
    folder = tmp_path_factory.mktemp("a wheel")
    there = install_wheel(folder)
    # the pictures of the demo are not what is tried here
    env = {**environment(folder / "home", fashion_mnist=str(folder)), **_first_in_path(there)}
    done = run_latentloop("setup", env=env, folder=folder, timeout_s=280)
    assert done.returncode == 0, done.stderr
    assert "feature network converted" in done.stderr
    return there


@pytest.fixture(scope="package")
def loop(installed: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Loop]:
    folder = tmp_path_factory.mktemp("a loop")
    home, config = folder / "home", folder / "latentloop.toml"
    config.write_text(SETTINGS)
    settings = environment(home, config=str(config), drift__cooldown_s=str(COOLDOWN_S))
    env = {**settings, **_first_in_path(installed)}
    up = run_latentloop("up", "--detach", env=env, folder=folder, timeout_s=800)
    try:
        assert up.returncode == 0, f"{up.stdout}\n{up.stderr}\n{_logs(home)}"
        assert len(_belonging_to(home)) >= 6, "four servers, two workers: whoever is sought at the end is found now"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LATENTLOOP_CONFIG", str(config))
            patch.setenv("LATENTLOOP_HOME", str(home))
            patch.setenv("LATENTLOOP_DRIFT__COOLDOWN_S", str(COOLDOWN_S))
            loop = Loop(folder, env, connect(load_settings()))
            yield loop
            _look_at_deaths(loop, request.config)
    finally:
        down = run_latentloop("down", env=env, folder=folder, timeout_s=240)
    assert down.returncode == 0, down.stderr
    assert "is down" in down.stdout
    assert _await_nobody(home) == []


@pytest.fixture(scope="package")
def shipped(loop: Loop) -> Shipment:
    """Six hundred files of twelve suppliers, 3 % of them damaged, lying in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shipment, "SUPPLIERS", SOURCES)
        return write_shipment(product_images(IMAGES), loop.folder / "incoming", np.random.default_rng(1), print)


@pytest.fixture(scope="package")
def counts(loop: Loop, shipped: Shipment) -> dict[str, object]:
    """What `latentloop ingest` said of the folder."""
    found: dict[str, object] = json.loads(loop.run("ingest", str(loop.folder / "incoming"), "--json"))
    return found


@pytest.fixture(scope="package")
def registered(loop: Loop, counts: dict[str, object]) -> dict[str, str]:
    """What `latentloop retrain` said of the version that it made."""
    found: dict[str, str] = json.loads(loop.run("retrain", "--tier", "full", "--json"))
    # the tag as a person first sees it: approval, later in this story, changes it
    return {**found, "approval": open_registry(loop.settings).version(found["version"]).approval}


@pytest.fixture(scope="package")
def served(loop: Loop, registered: dict[str, str]) -> str:
    """The version that serves after a person approved it."""
    approve_as_the_ui_does(loop.settings, registered["version"])
    ready: dict[str, object] = {}
    deadline = time.monotonic() + 400
    while time.monotonic() < deadline:
        ready = httpx.get(f"{loop.settings.service_url}/readyz", timeout=120, verify=trusted()).json()
        if "champion" in ready["slots"]:  # type: ignore[operator]
            return str(ready["slots"]["champion"]["version"])  # type: ignore[index]
        time.sleep(0.1)
    pytest.fail(f"expected version {registered['version']} to serve, came {ready}\n{_logs(loop.settings.home)}")


def _once_it_is_up(ask: Callable[[], T]) -> T:
    """The answer of a server that may be down for a moment: a test that wants none of it down looks at the deaths."""
    deadline = time.monotonic() + RESTART_S
    while True:
        try:
            return ask()
        except (httpx.TransportError, StoreUnavailable):
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def _first_in_path(environment: Path) -> dict[str, str]:
    return {"PATH": f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def _await_nobody(home: Path) -> list[str]:
    """Give the processes that still belong to the home once `down` returned; the kernel gets a moment to reap."""
    deadline = time.monotonic() + 120
    while (left := _belonging_to(home)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def _belonging_to(home: Path) -> list[str]:
    return [f"{pid}: {' '.join(command)[:200]}" for pid, command in processes_of(home)]


def processes_of(home: Path) -> list[tuple[int, list[str]]]:
    """Pid and command line of each process that was told of this home."""
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            told = [*command, *process.environ().values()]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if any(str(home) in each for each in told):
            found.append((process.pid, command))
    return found


def _look_at_deaths(loop: Loop, config: pytest.Config) -> None:
    """A server that died by itself was started again, and the story went on: it is shown. A second time is too much."""
    died, killed = Counter(deaths_in(loop.settings.home)), Counter(loop.killed)
    assert not killed - died, f"expected the deaths of {dict(killed)} to be seen, came {dict(died)}"
    by_themselves = died - killed
    if by_themselves:
        with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\ndied by themselves: {dict(by_themselves)}\n{_logs(loop.settings.home, lines=60)}")
    assert by_themselves.total() <= 1, f"expected no part to die by itself, came {dict(by_themselves)}"
    _once_it_is_up(lambda: _require_all_up(loop.settings.home))


def _require_all_up(home: Path) -> None:
    if down := [each.line for each in read_children(home) if each.phase is not Phase.up]:
        raise StoreUnavailable(f"expected every part to be up, came {down}")


def deaths_in(home: Path) -> list[str]:
    """The parts of an installation that its supervisor saw die, by name, once for each death."""
    lines = (home / "logs" / "up.log").read_text(errors="replace").splitlines()
    return [found[1] for line in lines if (found := _DEATH.match(line))]


def _logs(home: Path, lines: int = 12) -> str:
    """Give the end of every log, for the message of a failure; what the supervisor said comes last."""
    logs = sorted((home / "logs").glob("*.log"), key=lambda each: (each.name == "up.log", each.name))
    ends = {log.name: log.read_text(errors="replace").splitlines()[-lines:] for log in logs}
    return "\n".join("\n".join([f"== {name}", *end]) for name, end in ends.items())
