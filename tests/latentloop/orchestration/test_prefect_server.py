"""The door of the Prefect server that `up` starts: who has not the word gets nothing, whoever and wherever they are."""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from deploy.stores.errors import StoreRefused
from deploy.stores.orchestrator import Orchestrator
from deploy.stores.prefect_auth import AUTH_FILE
from deploy.wiring import open_orchestrator
from latentloop.orchestration.prefect_environment import SIGN_IN_PATH
from tests.prefect_login import prefect_login
from tests.servers import GuardedPrefect

pytestmark = pytest.mark.server

EVIL = "http://evil.example"
ORDERS = [
    ("GET", "/admin/settings"),
    ("GET", "/admin/version"),
    ("GET", "/csrf-token?client=any"),
    ("POST", "/admin/database/clear"),
    ("POST", "/block_documents/filter"),
    ("POST", "/deployments/00000000-0000-0000-0000-000000000000/create_flow_run"),
    ("POST", "/events"),
    ("POST", "/flow_runs/"),
    ("POST", "/flow_runs/filter"),
    ("POST", "/work_pools/"),
]


@pytest.fixture(scope="module")
def client(guarded_prefect: GuardedPrefect) -> Iterator[httpx.Client]:
    """Somebody without the word."""
    with httpx.Client(base_url=guarded_prefect.api_url, timeout=30) as client:
        yield client


@pytest.mark.parametrize(("method", "path"), ORDERS)
@pytest.mark.parametrize("word", [None, "latentloop:", "latentloop:guess", "wrong"])
def test_without_the_word_nothing_is_read_and_nothing_started(
    client: httpx.Client, method: str, path: str, word: str | None
) -> None:
    headers = {} if word is None else {"Authorization": f"Basic {base64.b64encode(word.encode()).decode()}"}

    answer = client.request(method, path, headers=headers, json={} if method == "POST" else None)

    assert (answer.status_code, answer.json()) == (401, {"exception_message": "Unauthorized"})


def test_whether_it_is_up_may_be_asked_by_anybody(client: httpx.Client) -> None:
    assert [client.get(path).status_code for path in ("/health", "/ready")] == [200, 200]


def test_our_client_has_the_word_from_the_settings(guarded_prefect: GuardedPrefect) -> None:
    with open_orchestrator(guarded_prefect.settings) as orchestrator:
        orchestrator.ensure_work_pool("known")
        assert orchestrator.deployments() is not None


@pytest.mark.parametrize(("word", "given"), [(None, "none"), ("a:b", "another")])
def test_a_client_without_the_word_is_told_which_setting_names_it(
    guarded_prefect: GuardedPrefect, word: str | None, given: str
) -> None:
    with (
        Orchestrator(guarded_prefect.api_url, auth=word) as orchestrator,
        pytest.raises(StoreRefused, match=f"was given {given}; set LATENTLOOP_PREFECT_AUTH"),
    ):
        orchestrator.ensure_work_pool("unknown")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4200", "127.0.0.1.evil.example", "[::1]", ""])
@pytest.mark.parametrize("path", ["/", "/api/health", "/api/admin/version", SIGN_IN_PATH])
def test_a_request_for_another_host_name_is_refused_even_with_the_word(
    guarded_prefect: GuardedPrefect, host: str, path: str
) -> None:
    url = guarded_prefect.api_url.removesuffix("/api") + path

    answer = httpx.get(url, headers={"Host": host}, auth=prefect_login(guarded_prefect.settings), timeout=30)

    assert (answer.status_code, answer.text) == (400, "Invalid host header")


def test_a_page_of_another_origin_gets_no_leave_to_ask(client: httpx.Client) -> None:
    wish = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}

    answer = client.options("/flow_runs/", headers={"Origin": EVIL, **wish})

    assert answer.status_code == 400
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"])
def test_a_form_of_another_origin_which_a_browser_sends_without_asking_is_refused(
    client: httpx.Client, kind: str
) -> None:
    answer = client.post("/work_pools/", content=b'{"name": "evil"}', headers={"Origin": EVIL, "Content-Type": kind})

    assert answer.status_code == 401
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_its_own_pages_may_ask_with_the_word(client: httpx.Client, name: str) -> None:
    origin = f"http://{name}:{client.base_url.port}"
    wish = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}

    answer = client.options("/flow_runs/", headers={"Origin": origin, **wish})

    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, origin)


@pytest.mark.parametrize("path", ["/events/in", "/events/out", "/logs/out", "/work_pools/cpu/workers/connect"])
def test_a_socket_without_the_word_is_closed(guarded_prefect: GuardedPrefect, path: str) -> None:
    with pytest.raises(InvalidStatus, match="403"), _socket(guarded_prefect, path, None):
        pass
    with _socket(guarded_prefect, path, "prefect") as guessing:
        guessing.send(json.dumps({"type": "auth", "token": "latentloop:guess"}))
        with pytest.raises(ConnectionClosed, match="1008"):
            guessing.recv(timeout=30)


def test_a_socket_with_the_word_is_let_in(guarded_prefect: GuardedPrefect) -> None:
    with _socket(guarded_prefect, "/events/out", "prefect") as known:
        known.send(json.dumps({"type": "auth", "token": guarded_prefect.word}))
        assert json.loads(known.recv(timeout=30)) == {"type": "auth_success"}


def test_another_user_of_the_machine_can_neither_read_the_word_nor_start_a_run(guarded_prefect: GuardedPrefect) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    file = guarded_prefect.settings.secrets_folder / AUTH_FILE
    port = urlsplit(guarded_prefect.api_url).port
    order = "POST /api/flow_runs/ HTTP/1.0\\r\\nHost: 127.0.0.1\\r\\nContent-Length: 0\\r\\n\\r\\n"

    for folder in (file.parent, file.parent.parent):
        folder.chmod(0o755)
    assert _as_nobody(f"ls {shlex.quote(str(file))}").returncode == 0, "the folder is open: the file's own mode counts"
    assert "Permission denied" in _as_nobody(f"cat {shlex.quote(str(file))}").stderr
    assert "Permission denied" in _as_nobody(f"cat /proc/{guarded_prefect.pid}/environ").stderr
    seen = _as_nobody("cat /proc/[0-9]*/cmdline").stdout
    assert "latentloop.orchestration.prefect_server" in seen
    assert guarded_prefect.word.split(":")[1] not in seen
    answer = _as_nobody(f'exec 3<>/dev/tcp/127.0.0.1/{port}; printf "{order}" >&3; cat <&3').stdout
    assert answer.startswith("HTTP/1.1 401 Unauthorized")


def test_the_pages_of_prefect_look_for_the_word_where_the_sign_in_leaves_it() -> None:
    """Prefect's UI keeps base64 of `user:password` under this name; another version may not."""
    import prefect

    for folder in (prefect.__ui_static_path__, prefect.__ui_v2_static_path__):
        scripts = [each.read_text("utf-8") for each in (folder / "assets").glob("*.js")]
        assert any("`prefect-password`" in each and "localStorage.setItem" in each for each in scripts)


def _socket(server: GuardedPrefect, path: str, protocol: str | None) -> ClientConnection:
    url = server.api_url.replace("http://", "ws://") + path
    return connect(url, subprotocols=[Subprotocol(protocol)] if protocol else None, open_timeout=30, proxy=None)


def _as_nobody(script: str) -> subprocess.CompletedProcess[str]:
    identity = ["--reuid=65534", "--regid=65534", "--clear-groups"]
    command = ["setpriv", *identity, "bash", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60, check=False, cwd="/")
