"""MLflow's REST API without its library: what is asked once more, and what comes of an answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.stores.errors import StoreRefused, StoreUnavailable
from deploy.stores.mlflow.api import ApiError, MlflowApi
from deploy.stores.mlflow.registry import Registry
from tests.deploy.stores.mlflow.answers import answering

pytestmark = pytest.mark.usefixtures("nobody")


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
