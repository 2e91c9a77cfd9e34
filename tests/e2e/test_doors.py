"""The doors of a running installation: its own commands pass, strangers do not, and no secret lies about."""

from __future__ import annotations

import base64
import shlex
import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from tests.e2e.conftest import Loop, processes_of

pytestmark = pytest.mark.server


def test_a_stranger_cannot_start_a_run_with_a_command_of_his_own(loop: Loop, counts: dict[str, object]) -> None:
    with loop.open_orchestrator() as orchestrator:
        (ingest,) = [each.id for each in orchestrator.deployments() if each.name == "ingest/ingest"]

    answer = httpx.post(
        f"{loop.settings.prefect_url}/deployments/{ingest}/create_flow_run",
        json={"job_variables": {"command": f"touch {loop.folder / 'owned'}"}},
        timeout=120,
    )

    assert answer.status_code == 401


def test_the_word_is_in_its_own_file_and_in_no_log_database_or_command_line(
    loop: Loop, counts: dict[str, object]
) -> None:
    assert loop.settings.prefect_auth is not None
    home, password = loop.settings.home, loop.settings.prefect_auth.get_secret_value().split(":")[1]

    holding = {each for each in home.rglob("*") if each.is_file() and password.encode() in each.read_bytes()}
    secrets = home / "secrets"

    assert secrets / "prefect-auth" in holding
    assert holding <= {secrets / "prefect-auth", secrets / "open-runs.html"}
    assert [command for _, command in processes_of(home) if any(password in each for each in command)] == []
    assert password not in loop.run("status", "--json")


def test_opening_the_runs_starts_the_browser_with_a_page_that_signs_in(loop: Loop, tmp_path: Path) -> None:
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{seen}"\n')
    browser.chmod(0o755)

    loop.env["BROWSER"] = f"{shlex.quote(str(browser))} %s"  # folders have spaces
    try:
        loop.run("open", "runs")
    finally:
        del loop.env["BROWSER"]

    page = Path(unquote(urlsplit(seen.read_text()).path))
    assert page == loop.settings.secrets_folder / "open-runs.html"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    target, word = page.read_text().split('"')[3].split("#")
    assert httpx.get(target, timeout=120).is_success
    user, _, password = base64.b64decode(word).decode().partition(":")
    assert httpx.get(f"{loop.settings.prefect_url}/admin/version", auth=(user, password), timeout=120).is_success


def test_the_addresses_are_printed_for_a_machine_without_a_browser(loop: Loop) -> None:
    printed = {each: loop.run("open", each, "--print").strip() for each in ("runs", "registry", "service")}

    assert printed == {
        "runs": str(loop.settings.prefect_url).removesuffix("/api"),
        "registry": f"{loop.settings.mlflow_url}/#/models/e2e",
        "service": f"{loop.settings.service_url}/docs",
    }
    assert all(httpx.get(each.split("#")[0], timeout=120).is_success for each in printed.values())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1:1"}, 403),
        ({"Origin": "http://evil.example"}, 403),
    ],
)
def test_the_registry_refuses_other_hosts_and_origins(loop: Loop, headers: dict[str, str], status: int) -> None:
    url = f"{loop.settings.mlflow_url}/api/2.0/mlflow/registered-models/search"
    search = f"{loop.settings.mlflow_url}/api/2.0/mlflow/experiments/search"

    if "Origin" not in headers:
        assert httpx.get(url, headers=headers, timeout=120).status_code == status
    answer = httpx.post(search, headers=headers, json={"max_results": 1}, timeout=120)

    assert answer.status_code == status, answer.text
    assert "evil" not in answer.headers.get("access-control-allow-origin", "")
