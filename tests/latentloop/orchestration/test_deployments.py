"""`latentloop deploy`: what `prefect.yaml` declares, on the server of the settings, runnable on any machine."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

from latentloop.orchestration.deployments import declaration, declared_deployments, declared_pools
from latentloop.orchestration.prefect_environment import client_environment, without_foreign_word
from tests.latentloop.front_door import environment, run_latentloop
from tests.prefect_login import prefect_login
from tests.servers import GuardedPrefect


def test_each_declared_flow_is_a_flow_of_an_installed_module() -> None:
    from prefect import Flow

    declared = declared_deployments()

    assert len(declared) >= 7
    for each in declared:
        module, _, name = each.entrypoint.rpartition(".")
        flow = getattr(import_module(module), name)
        assert isinstance(flow, Flow)
        assert (flow.name, module.split(".")[0]) == (each.name, "flows")


def test_the_declaration_lies_at_the_top_of_the_checkout_and_its_pools_are_those_that_up_serves() -> None:
    assert declaration() == Path(__file__).resolve().parents[3] / "prefect.yaml"
    assert declared_pools() == ["cpu", "gpu"]


def test_a_word_of_the_shell_is_not_sent_to_the_server_of_the_settings(guarded_prefect: GuardedPrefect) -> None:
    shell = {"PREFECT_API_AUTH_STRING": "somebody:else", "PATH": "/bin"}
    open_server = guarded_prefect.settings.model_copy(update={"prefect_auth": None})

    assert without_foreign_word(shell) == {"PATH": "/bin"}
    assert "PREFECT_API_AUTH_STRING" not in client_environment(open_server)
    assert client_environment(guarded_prefect.settings)["PREFECT_API_AUTH_STRING"] == guarded_prefect.word


@pytest.mark.server
def test_deploying_without_the_word_is_one_line(guarded_prefect: GuardedPrefect, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", prefect_url=guarded_prefect.api_url)

    done = run_latentloop("deploy", env=env, folder=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("latentloop: Prefect at ") and done.stderr.count("\n") == 1
    assert "was given none; set LATENTLOOP_PREFECT_AUTH" in done.stderr


@pytest.mark.server
def test_deploying_without_a_server_is_one_line(tmp_path: Path) -> None:
    done = run_latentloop("deploy", env=environment(tmp_path / "home"), folder=tmp_path)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "begin with `latentloop init FOLDER`" in done.stderr


@pytest.mark.server
def test_deploying_registers_everything_without_a_path_also_over_what_an_older_checkout_registered(
    guarded_prefect: GuardedPrefect, tmp_path: Path
) -> None:
    with httpx.Client(
        base_url=guarded_prefect.api_url, auth=prefect_login(guarded_prefect.settings), timeout=60
    ) as api:
        older = _register_as_a_checkout_did(api)
        env = environment(tmp_path / "home", prefect_url=guarded_prefect.api_url, prefect_auth=guarded_prefect.word)

        done = run_latentloop("deploy", env=env, folder=tmp_path, timeout_s=600)

        assert done.returncode == 0, done.stderr
        assert "deployments are registered" in done.stderr
        there: list[dict[str, Any]] = api.post("/deployments/filter", json={}).raise_for_status().json()
    assert older in {each["id"] for each in there}, "the same deployment, with its history"
    assert {each["name"]: (each["entrypoint"], each["work_pool_name"]) for each in there} == {
        each.name: (each.entrypoint, each.work_pool) for each in declared_deployments()
    }
    assert {each["pull_steps"] and tuple(each["pull_steps"]) or None for each in there} == {None}


def _register_as_a_checkout_did(api: httpx.Client) -> str:
    """The deployment `ingest` of the release before: a file of a checkout, and the folder to go to."""
    flow = api.post("/flows/", json={"name": "ingest"}).raise_for_status().json()["id"]
    api.post("/work_pools/", json={"name": "cpu", "type": "process"})
    body = {
        "name": "ingest", "flow_id": flow, "work_pool_name": "cpu", "entrypoint": "flows/ingest.py:ingest",
        "path": "/gone", "pull_steps": [{"prefect.deployments.steps.set_working_directory": {"directory": "/gone"}}],
    }  # fmt: skip
    made: str = api.post("/deployments/", json=body).raise_for_status().json()["id"]
    return made
