"""MLflow's REST API without its library: who asks, what is asked once more, and what comes of an answer."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import pytest

from deploy.stores.errors import StoreRefused, StoreUnavailable
from deploy.stores.mlflow.api import ApiError, MlflowApi
from deploy.stores.mlflow.registry import Registry
from tests.deploy.stores.mlflow_answers import answering, forget_access


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_access(monkeypatch, tmp_path)


def word_of_a_question() -> str | None:
    with answering((200, "{}")) as there:
        MlflowApi(there.url, retries=0).ask("GET", "model-versions/search", timeout_s=60)
    return there.asked[0].headers["Authorization"]


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
    with answering((503, "busy"), (200, '{"a": 1}')) as there:
        assert MlflowApi(there.url, retries=1).ask("GET", "any", timeout_s=60) == {"a": 1}
    assert len(there.asked) == 2


def test_a_server_that_stays_busy_says_what_it_said_last() -> None:
    with answering((503, "busy"), (503, "very\nbusy")) as there, pytest.raises(ApiError) as raised:
        MlflowApi(there.url, retries=1).ask("GET", "any", timeout_s=60)
    assert str(raised.value) == f"API request to {there.url}/api/2.0/mlflow/any failed with 503: very busy"
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
    with answering(answer, answer) as there, pytest.raises(error) as raised:
        Registry(there.url, "shop").version("9")
    assert said in str(raised.value)


def test_whoever_only_asks_does_not_load_mlflows_library() -> None:
    with answering() as there:
        code = (
            f"import sys; from deploy.stores.mlflow.registry import Registry; Registry({there.url!r}, 'a').versions()"
        )
        done = subprocess.run(
            [sys.executable, "-c", f"{code}; print('mlflow' in sys.modules)"],
            capture_output=True, text=True, timeout=400, check=False, cwd=Path(__file__).parents[4],
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
