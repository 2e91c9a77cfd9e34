"""Whose word goes to which Prefect server: the generated one to ours, the settings' to theirs, the shell's to none."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from deploy.settings import Settings
from deploy.stores.prefect_auth import generate_prefect_auth
from latentloop.installation.running import (
    Installation,
    child_environment,
    connect,
    connect_prefect,
    write_installation,
)
from latentloop.orchestration.prefect_environment import own_hosts, own_origins, server_environment
from tests.prefect_login import prefect_login

OWN, FOREIGN, NOWHERE = "http://127.0.0.1:4200/api", "https://prefect.example/api", "http://127.0.0.1:9"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make the home of an installation that this process supervises."""
    return _supervise(tmp_path / "home", OWN, own_prefect=True)


def test_a_command_has_the_generated_word_for_the_server_of_the_installation(home: Path) -> None:
    word = generate_prefect_auth(home / "secrets")

    assert connect(Settings(home=home)).prefect_auth == word
    assert connect_prefect(Settings(home=home)).prefect_auth == word
    assert connect_prefect(Settings(home=home, prefect_url=OWN)).prefect_auth == word


def test_the_generated_word_never_goes_to_a_server_that_up_did_not_start(home: Path, tmp_path: Path) -> None:
    generate_prefect_auth(home / "secrets")
    other = _supervise(tmp_path / "other", FOREIGN, own_prefect=False)
    generate_prefect_auth(other / "secrets")

    assert connect_prefect(Settings(home=home, prefect_url=FOREIGN)).prefect_auth is None
    assert connect(Settings(home=home, prefect_url=FOREIGN)).prefect_auth is None
    assert connect(Settings(home=other)).prefect_auth is None


def test_the_word_of_the_settings_comes_first(home: Path) -> None:
    generate_prefect_auth(home / "secrets")

    settings = connect(Settings(home=home, prefect_auth=SecretStr("me:my:own")))

    assert prefect_login(settings) == ("me", "my:own")


def test_every_process_is_told_the_word_of_the_settings_and_never_one_of_the_shell(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "somebody:else")
    told = {"home": home, "prefect_url": FOREIGN, "mlflow_url": NOWHERE, "service_url": NOWHERE}

    without = child_environment(Settings(**told))
    known = child_environment(Settings(**told, prefect_auth=SecretStr("me:mine")))

    assert "somebody:else" not in without.values()
    assert {name for name, value in known.items() if value == "me:mine"} == {
        "PREFECT_API_AUTH_STRING", "LATENTLOOP_PREFECT_AUTH",
    }  # fmt: skip


def test_the_server_takes_its_word_and_the_origins_of_its_own_pages_alone() -> None:
    settings = Settings(prefect_url=OWN, prefect_auth=SecretStr("me:mine"))

    told = server_environment(settings)

    assert told["PREFECT_SERVER_API_AUTH_STRING"] == "me:mine"
    assert told["PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS"] == "http://127.0.0.1:4200,http://localhost:4200"
    assert (own_hosts(OWN), own_origins("http://127.0.0.1:5/")) == (
        "127.0.0.1:4200,localhost:4200", "http://127.0.0.1:5,http://localhost:5",
    )  # fmt: skip


def _supervise(home: Path, prefect_url: str, *, own_prefect: bool) -> Path:
    me = psutil.Process()
    write_installation(
        home,
        Installation(
            pid=me.pid, born=me.create_time(), prefect_url=prefect_url, mlflow_url=NOWHERE, service_url=NOWHERE,
            own_prefect=own_prefect,
        ),
    )  # fmt: skip
    return home
