"""Where an installation keeps its things: home, feature network, what runs from it and with which settings."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from deploy.configuration.in_force import declare_settings
from deploy.settings import Settings, load_settings
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import open_database
from latentloop.doctor.finding import Health
from latentloop.doctor.place import examine_place, is_supervisor
from latentloop.doctor.stores import examine_stores
from latentloop.installation.running import Installation, write_installation
from tests.latentloop.doctor.told import told
from tests.latentloop.front_door import make_ledger


def test_a_file_where_a_folder_is_needed_is_said(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "file").write_text("x")
    blocked = load_settings(home=tmp_path / "file" / "home")

    assert told(examine_place(blocked), "home")[0] is Health.wrong
    health, line = told(examine_stores(blocked), "database")
    assert health is Health.wrong
    assert f"{tmp_path / 'file'} is a file" in line


def test_a_home_that_others_may_read_is_noted(settings: Settings) -> None:
    settings.home.mkdir(mode=0o755)
    settings.home.chmod(0o755)

    assert told(examine_place(settings), "home") == (
        Health.note, f"{settings.home} is open to other users of this machine; `latentloop up` closes it"
    )  # fmt: skip


def test_a_feature_network_that_is_missing_names_the_command(tmp_path: Path, settings: Settings) -> None:
    missing = load_settings(home=tmp_path / "home", assets_folder=tmp_path / "assets")

    health, line = told(examine_place(missing), "feature network")

    assert health is Health.wrong
    assert line.endswith("is missing: run `latentloop setup` once")


def test_settings_that_changed_since_the_start_are_named_with_the_way_out(settings: Settings) -> None:
    """Other commands refuse then: the doctor must not say that nothing is in the way."""
    make_ledger(settings.home)
    started = load_settings(home=settings.home, evaluation={"holdout_min": 300})
    ledger = Ledger(open_database(settings))
    declare_settings(ledger, started, datetime.now(UTC))
    assert "in force" not in {each.name for each in examine_place(settings)}, "nothing runs"
    me, url = psutil.Process(), "http://127.0.0.1:1"
    running = Installation(pid=me.pid, born=me.create_time(), prefect_url=url, mlflow_url=url, service_url=url)
    write_installation(settings.home, running)

    health, line = told(examine_place(settings), "in force")

    assert health is Health.wrong
    assert "evaluation.holdout_min" in line
    assert "put these settings in force with `latentloop down`, then `latentloop up`" in line
    assert told(examine_place(started), "in force")[0] is Health.ok


def test_none_runs_is_said_of_this_folder_whatever_runs_elsewhere(settings: Settings) -> None:
    assert told(examine_place(settings), "installation")[1].startswith("none runs from this folder")


@pytest.mark.parametrize(
    ("words", "is_one"),
    [
        (["python", "/usr/bin/latentloop", "up"], True),
        (["python", "-W", "ignore::ResourceWarning", "-c", "from latentloop.cli import main; main()", "up"], True),
        (["python", "/usr/bin/latentloop", "up", "--detach"], False),
        (["python", "/usr/bin/latentloop", "ingest", "pictures"], False),
        (["docker", "compose", "up", "latentloop"], False),
    ],
)
def test_a_supervisor_is_known_by_its_command_line_in_the_background_too(words: list[str], is_one: bool) -> None:
    assert is_supervisor(words) is is_one
