"""MLflow's REST API without its library: who asks, what is asked once more, and what comes of an answer."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy.stores.errors import StoreRefused, StoreUnavailable
from deploy.stores.mlflow_api import ApiError, MlflowApi
from deploy.stores.registry import Registry

VARIABLES = ("USERNAME", "PASSWORD", "TOKEN", "AUTH", "AWS_SIGV4")


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No word for any server, neither in a variable nor at home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for each in VARIABLES:
        monkeypatch.delenv(f"MLFLOW_TRACKING_{each}", raising=False)


@contextmanager
def server(*answers: tuple[int, str]) -> Iterator[tuple[str, list[str | None]]]:
    """A server that gives these answers, one after the other, and the word that came with each question."""
    left, words = list(answers), list[str | None]()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            words.append(self.headers.get("Authorization"))
            status, body = left.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *about: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as there:
        thread = threading.Thread(target=there.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{there.server_port}", words
        finally:
            there.shutdown()
            thread.join()


def word_of_a_question() -> str | None:
    with server((200, "{}")) as (url, words):
        MlflowApi(url, retries=0).ask("GET", "model-versions/search", timeout_s=60)
    return words[0]


def test_without_a_word_none_is_sent() -> None:
    assert word_of_a_question() is None


def test_user_and_password_of_the_environment_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "a:b%")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "not this one")

    word = word_of_a_question()

    assert word is not None
    assert (word[:6], b64decode(word[6:])) == ("Basic ", b"ann:a:b%")


def test_user_and_password_of_mlflows_own_file_are_sent(tmp_path: Path) -> None:
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow" / "credentials").write_text(
        "[mlflow]\nmlflow_tracking_username = ann\nmlflow_tracking_password = 5%\n"
    )

    word = word_of_a_question()

    assert word is not None and b64decode(word.removeprefix("Basic ")) == b"ann:5%"


def test_a_token_is_sent_as_a_bearer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")

    assert word_of_a_question() == "Bearer t0ken"


def test_a_server_that_is_busy_is_asked_once_more() -> None:
    with server((503, "busy"), (200, '{"a": 1}')) as (url, words):
        assert MlflowApi(url, retries=1).ask("GET", "any", timeout_s=60) == {"a": 1}
    assert len(words) == 2


def test_a_server_that_stays_busy_says_what_it_said_last() -> None:
    with server((503, "busy"), (503, "very\nbusy")) as (url, _), pytest.raises(ApiError) as raised:
        MlflowApi(url, retries=1).ask("GET", "any", timeout_s=60)
    assert str(raised.value) == f"API request to {url}/api/2.0/mlflow/any failed with 503: very busy"
    assert raised.value.code == ""


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (
            404,
            {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no 9"},
            StoreRefused,
            "RESOURCE_DOES_NOT_EXIST: no 9",
        ),
        (500, {"error_code": "INTERNAL_ERROR", "message": "oh"}, StoreUnavailable, "INTERNAL_ERROR: oh"),
        (401, "who are you?", StoreRefused, "failed with 401: who are you?"),
        (403, "<html>no</html>", StoreRefused, "failed with 403: <html>no</html>"),
        (404, "<html>no such page</html>", StoreUnavailable, "failed with 404: <html>no such page</html>"),
        (200, "<html>welcome</html>", StoreUnavailable, "its answer is none of MLflow's"),
        (200, {"another": "shape"}, StoreUnavailable, "its answer is none of MLflow's"),
    ],
)
def test_a_no_is_refused_and_whatever_else_is_no_answer_is_unavailable(
    status: int, body: object, error: type[Exception], said: str
) -> None:
    answer = (status, body if isinstance(body, str) else json.dumps(body))
    with server(answer, answer) as (url, _), pytest.raises(error) as raised:
        Registry(url, "shop").version("9")
    assert said in str(raised.value)


def test_whoever_only_asks_does_not_load_mlflows_library() -> None:
    with server((200, '{"model_versions": []}')) as (url, _):
        code = f"import sys; from deploy.stores.registry import Registry; Registry({url!r}, 'a').versions()"
        done = subprocess.run(
            [sys.executable, "-c", f"{code}; print('mlflow' in sys.modules)"],
            capture_output=True, text=True, timeout=400, check=False, cwd=Path(__file__).parents[3],
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
