"""Servers that are named must answer as what they should be; for the others a port must be free."""

from __future__ import annotations

import socket
from importlib.metadata import version
from pathlib import Path

import pytest

from deploy.settings import Settings, load_settings
from latentloop.doctor.finding import Health
from latentloop.doctor.servers import examine_servers
from latentloop.installation.kept_ports import keep_ports
from latentloop.supervisor.ports import hold_port
from tests.latentloop.doctor.told import answering, told


@pytest.mark.parametrize(
    ("status", "body", "health", "said"),
    [
        (200, "3.17.0", Health.ok, "answers (MLflow 3.17.0)"),
        (200, "<html>", Health.wrong, "not as an MLflow server"),
        (401, "", Health.wrong, "MLFLOW_TRACKING_USERNAME"),
        (404, "", Health.wrong, "is mlflow_url that of Mlflow?"),
    ],
)
def test_a_server_that_is_named_must_answer_as_what_it_should_be(
    tmp_path: Path, settings: Settings, status: int, body: str, health: Health, said: str
) -> None:
    with answering(status, body) as url:
        found = told(examine_servers(load_settings(home=tmp_path / "home", mlflow_url=url)), "mlflow")

    assert found[0] is health
    assert said in found[1]


def test_a_prefect_of_another_minor_release_is_noted_and_an_address_without_api_is_wrong(
    tmp_path: Path, settings: Settings
) -> None:
    def examine() -> tuple[Health, str]:
        return told(examine_servers(load_settings(home=tmp_path / "home", prefect_url=f"{url}/api")), "prefect")

    with answering(200, f'"{version("prefect")}"') as url:
        assert examine()[0] is Health.ok
    with answering(200, '"2.1.0"') as url:
        assert examine()[0] is Health.note
    with answering(200, "<html>") as url:
        assert examine()[1].endswith("prefect_url ends in /api")


def test_a_port_in_use_is_wrong_only_where_the_settings_name_it(tmp_path: Path, settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        named = load_settings(home=tmp_path / "home", serving={"port": port})

        health, line = told(examine_servers(named), "service")

    assert health is Health.wrong
    assert "set LATENTLOOP_SERVING__PORT to another" in line


def test_the_port_of_the_last_start_is_named_and_where_it_is_taken_the_one_that_comes(settings: Settings) -> None:
    before = hold_port()
    keep_ports(settings.home, {"service_url": before.number})
    health, line = told(examine_servers(settings), "service")
    assert (health, line.partition(", so it takes ")[0]) == (
        Health.note, f"to be started here; port {before.number} is in use by another process",
    )  # fmt: skip
    before.release()
    assert told(examine_servers(settings), "service") == (
        Health.ok, f"to be started here, on port {before.number}, as before",
    )  # fmt: skip
