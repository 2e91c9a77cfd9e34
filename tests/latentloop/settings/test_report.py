"""`latentloop settings` as people run it: every value with who said it, no secret, and nothing is created."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from deploy.configuration.digest import settings_digest
from deploy.configuration.fields import read_fields
from deploy.configuration.in_force import declare_settings
from deploy.settings import Settings, load_settings
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import open_database
from latentloop.installation.running import Installation, write_installation
from tests.deploy.settled import empty_the_environment
from tests.latentloop.front_door import run_latentloop
from tests.latentloop.settings.told import bare, said


def test_for_scripts_every_setting_has_value_origin_default_unit_bounds_and_description(
    file: Path, tmp_path: Path
) -> None:
    done = run_latentloop("settings", "--json", env=bare(training__threads="2"), folder=tmp_path)

    found = json.loads(done.stdout)
    assert (found["schema_version"], found["file"]) == (1, str(file))
    assert len(found["digest"]) == 64
    assert said(done.stdout)["training.threads"] == {
        "name": "training.threads", "variant": "", "value": 2, "origin": "LATENTLOOP_TRAINING__THREADS", "default": 1,
        "differs": True, "unit": "threads", "kind": "a whole number", "bounds": "at least 1, at most 256",
        "description": "torch threads; beside other load two threads are slower than one", "decides": False,
    }  # fmt: skip
    amount = said(done.stdout)["training.full.budget.amount"]
    assert (amount["value"], amount["origin"], amount["default"]) == (3, str(file), 40)
    assert said(done.stdout)["s3.secret_key"]["value"] == "********"
    assert said(done.stdout)["database_url"]["value"] == "postgresql://********@host/db"
    assert "hush" not in done.stdout


def test_the_defaults_are_all_that_a_file_may_say_also_beside_a_file_that_is_wrong(file: Path, tmp_path: Path) -> None:
    file.write_text("colour = 1\n")

    done = run_latentloop("settings", "--defaults", "--json", env=bare(), folder=tmp_path)
    screen = run_latentloop("settings", "--defaults", env=bare(), folder=tmp_path)

    names = [(each["name"], each["variant"]) for each in json.loads(done.stdout)["settings"]]
    assert names == [(each.name, each.variant) for each in read_fields(Settings)]
    assert said(done.stdout)["home"]["value"] == ".latentloop beside the settings file"
    assert "[training.model] of a conv_vae" in screen.stdout
    assert "[training.model] of a vq_vae" in screen.stdout


def test_a_table_or_a_setting_may_be_asked_for_alone(tmp_path: Path) -> None:
    done = run_latentloop("settings", "--json", "training.full.budget", "product", env=bare(), folder=tmp_path)
    wrong = run_latentloop("settings", "training.ful", "colour", env=bare(), folder=tmp_path)

    assert sorted(said(done.stdout)) == ["product", "training.full.budget.amount", "training.full.budget.unit"]
    assert wrong.returncode == 1
    assert wrong.stderr.splitlines() == [
        "latentloop: training.ful: no such setting here; did you mean training.full?",
        "colour: no such setting here",
    ]


def test_it_creates_nothing_where_nothing_is_installed(tmp_path: Path) -> None:
    run_latentloop("settings", env=bare(), folder=tmp_path)
    run_latentloop("settings", "--json", "--defaults", env=bare(), folder=tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_it_loads_neither_torch_nor_a_server(tmp_path: Path) -> None:
    heavy = {"torch", "mlflow", "prefect", "great_expectations", "evidently", "boto3", "pandas"}
    code = (
        "import sys\nfrom latentloop.cli import main\nsys.argv = ['latentloop', 'settings']\n"
        f"try:\n    main()\nexcept SystemExit:\n    print(sorted({heavy!r} & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=bare(), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.splitlines() == ["[]"]


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home from which this very process runs, with the settings that it works with on record."""
    empty_the_environment(tmp_path, monkeypatch)
    settings = load_settings()
    declare_settings(Ledger(open_database(settings)), settings, datetime.now(UTC))
    url = "http://127.0.0.1:9"
    born = psutil.Process().create_time()
    state = Installation(pid=os.getpid(), born=born, prefect_url=url, mlflow_url=url, service_url=url)
    write_installation(settings.home, state)
    return settings


def test_it_says_that_the_installation_works_with_the_same_or_with_what_else(running: Settings, tmp_path: Path) -> None:
    same = run_latentloop("settings", "product", env=bare(), folder=tmp_path)
    other = run_latentloop("settings", "--json", "product", env=bare(product="other"), folder=tmp_path)

    digest = settings_digest(running)[:12]
    assert same.stdout.splitlines()[:2] == [
        "no settings file",
        f"digest {digest}: the installation that runs from {running.home} works with the same",
    ]
    told = json.loads(other.stdout)["installation"]
    assert 'product ("other" here, "image-vae" there)' in told
    assert "`latentloop down`, then `latentloop up`" in told
