"""An installation of a stranger: an empty folder, colour pictures, and a `latentloop.toml` that alone says how.

It starts at the same moment as another one on this machine.
"""

from __future__ import annotations

import io
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image

from deploy.configuration.digest import SHORT, settings_digest
from deploy.configuration.in_force import read_settings_in_force
from deploy.settings import Settings, load_settings
from deploy.stores.authorities import trusted
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import open_database, open_registry
from latentloop.demo.approval import approve_as_the_ui_does
from latentloop.installation.running import Installation, connect, read_installation
from latentloop.supervisor.lock import find_holder
from latentloop.supervisor.ports import Owner, owner_of
from tests.deploy.settled import empty_the_environment
from tests.e2e.run_logs import read_run_logs
from tests.latentloop.drawings import pale_drawing, write_drawings
from tests.latentloop.front_door import bare_environment, environment, program, run_latentloop
from tests.latentloop.readme import shown_commands

pytestmark = pytest.mark.server

PICTURES, SOURCES = 320, 16
SETTINGS = """\
product = "shop"

[preprocessing]
channels = 3
height = 64
width = 64

[input_policy]
min_variance = 0.002

[training.model]
variant = "conv_vae"
channels = 3
height = 64
width = 64
widths = [8, 16]
latent_dim = 8

[training.full]
batch_size = 32
learning_rate = 1e-2
final_learning_rate = 3e-3
snapshots = 0
mutual_information_every_steps = 0
twin_share = 0.0

[training.full.budget]
amount = 100
unit = "steps"

[evaluation]
n_images = 100
n_samples = 100
holdout_min = 50

# a hundred steps make no good model: this story is about the settings
[gate]
kernel_margin = 10.0
first_min_explained_variance = 0.01
first_min_active_units = 1
first_max_frechet_over_floor = 1000000.0
"""


@dataclass(frozen=True)
class Shop:
    """The folder of the installation, and the settings that its file makes, with all URLs."""

    folder: Path
    settings: Settings

    @property
    def digest(self) -> str:
        """What every process of the installation has to work with."""
        return settings_digest(self.settings)

    def run(self, *arguments: str) -> str:
        """A command that must succeed, given in the folder; its output."""
        done = run_latentloop(*arguments, env=bare_environment(), folder=self.folder, timeout_s=900)
        assert done.returncode == 0, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout


@dataclass(frozen=True)
class Start:
    """The folder of the shop, which is up, and whose the ports were while the other one was up as well."""

    folder: Path
    owners: dict[int, Owner]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """The shop and another installation start at once; only the shop stays."""
    folder, other = tmp_path_factory.mktemp("a shop") / "of drawings", tmp_path_factory.mktemp("another")
    folder.mkdir()
    (folder / "latentloop.toml").write_text(SETTINGS)
    write_drawings(folder / "pictures", PICTURES, SOURCES)
    homes = {folder: folder / ".latentloop", other: other / "home"}
    environments = {folder: bare_environment(), other: environment(homes[other])}
    with ExitStack() as stack:
        ups = []
        for each, told in environments.items():
            stack.callback(_down, each, told, homes[each])
            ups.append(
                subprocess.Popen(
                    [program(told), "up", "--detach"],
                    env=told,
                    cwd=each,
                    text=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )  # fmt: skip
            )
        for up in ups:
            stdout, stderr = up.communicate(timeout=900)
            assert up.returncode == 0, f"{stdout}\n{stderr}"
        owners = {}
        for home in homes.values():
            assert (installation := read_installation(home)) is not None
            owners |= {port: owner_of(port, installation.pid) for port in _ports(installation)}
        _down(other, environments[other], homes[other])
        yield Start(folder, owners)


def _down(folder: Path, told: dict[str, str], home: Path) -> None:
    down = run_latentloop("down", env=told, folder=folder, timeout_s=300)
    assert down.returncode == 0, down.stderr
    assert find_holder(home) is None


def _ports(installation: Installation) -> list[int]:
    urls = (installation.prefect_url, installation.mlflow_url, installation.service_url)
    return [port for url in urls if (port := urlsplit(url).port) is not None]


@pytest.fixture(scope="module")
def shop(start: Start) -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        empty_the_environment(start.folder, patch)
        yield Shop(start.folder, connect(load_settings()))


@pytest.fixture(scope="module")
def ingested(shop: Shop) -> dict[str, object]:
    """What `latentloop ingest` said of the pictures, one of them too pale for the default limit."""
    Image.fromarray(pale_drawing()).save(shop.folder / "pictures" / "illustrator 0" / "pale.png")
    found: dict[str, object] = json.loads(shop.run("ingest", "pictures", "--json"))
    return found


@pytest.fixture(scope="module")
def served(shop: Shop, ingested: dict[str, object]) -> str:
    """The version that was trained on them, approved, and serves."""
    made = json.loads(shop.run("retrain", "--tier", "full", "--json"))
    assert made["benchmark"] == "passed", made["reason"]
    approve_as_the_ui_does(shop.settings, made["version"])
    deadline = time.monotonic() + 300
    while "champion" not in (ready := _readiness(shop))["slots"]:  # type: ignore[operator]
        assert time.monotonic() < deadline, f"expected version {made['version']} to serve, came {ready}"
        time.sleep(0.5)
    return str(made["version"])


def test_two_that_start_at_once_come_up_each_on_servers_of_its_own(start: Start) -> None:
    assert len(start.owners) == 6, "three servers each, and no port twice"
    assert set(start.owners.values()) == {Owner.child}


def test_the_installation_lives_beside_its_file_and_leaves_nothing_elsewhere(shop: Shop) -> None:
    assert shop.settings.home == shop.folder / ".latentloop"
    assert {each.name for each in shop.folder.iterdir()} == {"latentloop.toml", "pictures", ".latentloop"}


def test_the_service_works_with_the_file(shop: Shop) -> None:
    assert _readiness(shop)["settings_digest"] == shop.digest


def test_the_controller_works_with_the_file(shop: Shop) -> None:
    beat = Ledger(open_database(shop.settings)).last_beat("controller")

    assert beat is not None
    assert beat.settings_digest == shop.digest


def test_the_ledger_holds_what_is_in_force(shop: Shop) -> None:
    found = read_settings_in_force(Ledger(open_database(shop.settings)))

    assert found is not None
    assert (found.digest, found.file) == (shop.digest, str(shop.folder / "latentloop.toml"))
    assert found.values["preprocessing.channels"] == 3


def test_a_flow_run_works_with_the_file_and_its_first_line_says_so(shop: Shop, ingested: dict[str, object]) -> None:
    assert (ingested["received"], ingested["accepted"]) == (PICTURES + 1, PICTURES + 1), ingested

    lines = _lines_of_the_runs(shop)

    assert [line for line in lines if line.startswith("settings ")] == [
        f"settings {shop.digest[:SHORT]} of {shop.folder / 'latentloop.toml'}"
    ]


def test_the_version_is_of_this_product_and_these_images(shop: Shop, served: str) -> None:
    version = open_registry(shop.settings).version(served)

    assert (open_registry(shop.settings).product, version.tags["approval"]) == ("shop", "approved")


AFTER_UP = [command for command in shown_commands() if command[0] not in {"init", "up", "down"}]


@pytest.mark.parametrize("command", AFTER_UP, ids=" ".join)
def test_the_commands_of_the_readme_say_what_they_did_or_why_not(shop: Shop, served: str, command: list[str]) -> None:
    """The fixtures gave the first ones: nothing is new to train on, the version serves, and none was before it."""
    arguments = [{"FOLDER": "pictures", "VERSION": served}.get(word, word) for word in command]
    env = {**bare_environment(), **({"BROWSER": "true"} if command[0] == "open" else {})}

    done = run_latentloop(*arguments, env=env, folder=shop.folder, timeout_s=900)

    refused = {
        "retrain": "was trained on with this recipe already",
        "rollback": "no previous version is kept",
        "approve": "serves already",
    }
    why = refused.get(command[0])
    assert done.returncode == 0 or (why is not None and why in done.stderr), done.stderr
    assert (command[0] == "rollback") <= (done.returncode == 1), "there is no version to go back to"
    assert "Traceback" not in done.stderr


def test_a_pale_colour_picture_is_answered_and_one_of_another_shape_is_refused(shop: Shop, served: str) -> None:
    pale, grey = pale_drawing(seed=5), np.tile(np.arange(28, dtype=np.uint8) * 9, (28, 1))

    assert 0.002 < float((pale / 255.0).var()) < 0.01
    assert _score(shop, pale).status_code == 200
    refused = _score(shop, grey)
    assert refused.status_code == 422
    assert "64" in refused.text


@pytest.mark.parametrize(
    "arguments", [("ingest", "pictures"), ("retrain", "--tier", "full"), ("monitor",), ("deliver",)], ids=lambda a: a[0]
)
def test_a_command_that_was_told_otherwise_does_not_go_on(shop: Shop, arguments: tuple[str, ...]) -> None:
    told = {**bare_environment(), "LATENTLOOP_INPUT_POLICY__MIN_VARIANCE": "0.5e-3", "LATENTLOOP_PRODUCT": "other"}

    done = run_latentloop(*arguments, env=told, folder=shop.folder)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert 'input_policy.min_variance (0.0005 here, 0.002 there), product ("other" here, "shop" there)' in done.stderr
    assert "`latentloop down`, then `latentloop up`" in done.stderr


def test_the_status_says_first_that_the_settings_differ(shop: Shop) -> None:
    told = {**bare_environment(), "LATENTLOOP_PRODUCT": "other", "COLUMNS": "400"}

    done = run_latentloop("status", env=told, folder=shop.folder)

    assert done.returncode == 0, done.stderr
    assert 'product ("other" here, "shop" there)' in done.stdout


def _readiness(shop: Shop) -> dict[str, object]:
    found: dict[str, object] = httpx.get(f"{shop.settings.service_url}/readyz", timeout=60, verify=trusted()).json()
    return found


def _score(shop: Shop, pixels: np.ndarray) -> httpx.Response:
    body = io.BytesIO()
    Image.fromarray(pixels).save(body, "PNG")
    headers = {"Content-Type": "image/png"}
    return httpx.post(f"{shop.settings.service_url}/v1/score", content=body.getvalue(), headers=headers, timeout=60)


def _lines_of_the_runs(shop: Shop) -> list[str]:
    """What the flow runs logged, oldest first."""
    return read_run_logs(shop.settings)
