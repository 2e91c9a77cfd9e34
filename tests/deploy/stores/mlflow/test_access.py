"""Who asks MLflow: the user, the password or the token that its own variables and file name."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import pytest

from deploy.stores.mlflow.api import MlflowApi
from tests.deploy.stores.mlflow.answers import answering

pytestmark = pytest.mark.usefixtures("nobody")


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
