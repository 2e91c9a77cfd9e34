"""Which servers are ours to start, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.settings import Settings, SettingsError
from latentloop.installation.addresses import PREFERRED_PORTS, own_servers
from latentloop.installation.kept_ports import keep_ports
from latentloop.supervisor.ports import hold_port, port_is_free


def test_what_the_settings_leave_out_gets_a_port_that_is_held_until_the_end(tmp_path: Path) -> None:
    with own_servers(Settings(home=tmp_path, mlflow_url="http://mlflow.example:5000")) as where:
        assert set(where.ports) == {"prefect_url", "service_url"}
        assert where.settings.mlflow_url == "http://mlflow.example:5000"
        assert where.settings.prefect_url == f"http://127.0.0.1:{where.ports['prefect_url'].number}/api"
        numbers = [port.number for port in where.ports.values()]
        assert not any(port_is_free(number) for number in numbers)
    assert all(port_is_free(number) for number in numbers)


def test_two_installations_never_hold_the_same_port(tmp_path: Path) -> None:
    with own_servers(Settings(home=tmp_path / "a")) as one, own_servers(Settings(home=tmp_path / "b")) as other:
        numbers = [port.number for where in (one, other) for port in where.ports.values()]
    assert len(set(numbers)) == 6


def test_a_server_whose_usual_port_another_has_is_said(tmp_path: Path) -> None:
    taken = hold_port()
    preferred = {**PREFERRED_PORTS, "mlflow_url": taken.number}
    with own_servers(Settings(home=tmp_path, prefect_url="http://prefect.example/api"), preferred) as where:
        port = where.ports["mlflow_url"].number
        said = where.moved()
    taken.release()
    assert f"mlflow: port {taken.number} is used by another process; it takes {port}" in said


def test_a_port_that_is_chosen_anew_is_in_every_url_from_then_on(tmp_path: Path) -> None:
    with own_servers(Settings(home=tmp_path)) as where:
        before = where.settings
        where.choose_anew("mlflow_url")
        after = where.settings
        assert after.mlflow_url == f"http://127.0.0.1:{where.ports['mlflow_url'].number}" != before.mlflow_url
        assert (after.prefect_url, after.service_url) == (before.prefect_url, before.service_url)


def test_a_named_port_is_taken_or_refused_and_never_chosen_anew(tmp_path: Path) -> None:
    free = hold_port()
    settings = Settings(home=tmp_path, serving={"port": free.number})
    with pytest.raises(SettingsError, match=f"serving.port: port {free.number} on 127.0.0.1 is in use: end what"):
        own_servers(settings).__enter__()
    free.release()
    with own_servers(settings) as where:
        assert where.ports["service_url"].number == free.number
        assert where.fixed == {"service_url"}


def test_port_zero_is_a_port_of_the_kernels_choice(tmp_path: Path) -> None:
    with own_servers(Settings(home=tmp_path, serving={"port": 0})) as where:
        assert where.ports["service_url"].number > 0
        assert where.fixed == frozenset()


def test_an_installation_takes_the_ports_that_it_had_before(tmp_path: Path) -> None:
    taken = hold_port()
    preferred = {**PREFERRED_PORTS, "mlflow_url": taken.number}
    settings = Settings(home=tmp_path)
    with own_servers(settings, preferred) as where:
        had = {name: port.number for name, port in where.ports.items()}
        keep_ports(tmp_path, had)
    assert had["mlflow_url"] != taken.number
    with own_servers(settings, preferred) as where:
        assert {name: port.number for name, port in where.ports.items()} == had
        assert f"mlflow: it takes port {had['mlflow_url']} as before" in where.moved()
    taken.release()


def test_a_port_of_before_that_another_has_is_chosen_anew_and_the_old_one_is_said(tmp_path: Path) -> None:
    taken = hold_port()
    keep_ports(tmp_path, {"service_url": taken.number})
    with own_servers(Settings(home=tmp_path)) as where:
        now = where.ports["service_url"].number
        said = where.moved()
    taken.release()
    assert now != taken.number
    assert (
        f"service: port {taken.number}, which it had before, is used by another process; it takes {now}: tell its "
        "clients the new address"
    ) in said


def test_two_that_had_the_same_port_before_never_hold_it_both(tmp_path: Path) -> None:
    free = hold_port()
    free.release()
    for home in ("a", "b"):
        keep_ports(tmp_path / home, {"mlflow_url": free.number})
    with own_servers(Settings(home=tmp_path / "a")) as one, own_servers(Settings(home=tmp_path / "b")) as other:
        assert one.ports["mlflow_url"].number == free.number
        assert other.ports["mlflow_url"].number != free.number


def test_a_port_that_the_settings_name_is_taken_whatever_was_before(tmp_path: Path) -> None:
    first, second = hold_port(), hold_port()
    for each in (first, second):
        each.release()
    keep_ports(tmp_path, {"service_url": first.number})
    with own_servers(Settings(home=tmp_path, serving={"port": second.number})) as where:
        assert where.ports["service_url"].number == second.number
        line = f"service: it had port {first.number} before; it takes {second.number}, as serving.port says"
        assert line in where.moved()
