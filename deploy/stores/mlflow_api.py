"""MLflow's REST API, as far as versions, tags and aliases need it, without its library.

The library takes 1.3 CPU-seconds and 100 MB to load: too much for a `status`, or for a controller that only asks. Who
asks is said by the variables that the library reads, or by its file `~/.mlflow/credentials`.
"""

from __future__ import annotations

import importlib
import os
from base64 import b64encode
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.util import Retry

# a proxy that restarts, a locked SQLite file: asked once more
_TRANSIENT = (408, 429, 500, 502, 503, 504)
_CODES = {400: "BAD_REQUEST", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}


class ApiError(Exception):
    """MLflow said no, or nothing that can be read; `code` is MLflow's, empty where there is none."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.code = code


class MlflowApi:
    """The server at `url`, asked as whoever the environment says."""

    def __init__(self, url: str, *, retries: int) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.headers.update(_authorization())
        self._session.auth = _signature()
        self._session.verify = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or not _says_yes(
            "MLFLOW_TRACKING_INSECURE_TLS"
        )
        self._session.cert = os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH")
        retry = Retry(
            total=retries, status_forcelist=_TRANSIENT, allowed_methods=None, raise_on_status=False,
            respect_retry_after_header=False,
        )  # fmt: skip
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))

    def answers(self, *, timeout_s: float) -> bool:
        """Does the server say that it is well?"""
        try:
            return self._session.get(f"{self._url}/health", timeout=timeout_s).ok
        except requests.RequestException:
            return False

    def ask(self, method: str, endpoint: str, *, timeout_s: float, **said: Any) -> Any:
        """The JSON object that answers one question; ApiError, and ValueError for an answer that is none."""
        url = f"{self._url}/api/2.0/mlflow/{endpoint}"
        try:
            params, body = (said, None) if method == "GET" else (None, said)
            answer = self._session.request(method, url, params=params, json=body, timeout=timeout_s)
        except requests.RequestException as error:
            raise ApiError(f"API request to {url} failed: {error}") from error
        if answer.ok:
            return answer.json()
        raise _refusal(answer, url)


def _refusal(answer: requests.Response, url: str) -> ApiError:
    """What a server, or a proxy before it, had against the question."""
    try:
        found = answer.json()
        return ApiError(str(found["message"]), str(found["error_code"]))
    except (ValueError, KeyError, TypeError):
        said = " ".join(answer.text.split())[:200]
        return ApiError(
            f"API request to {url} failed with {answer.status_code}: {said}", _CODES.get(answer.status_code, "")
        )


def _authorization() -> dict[str, str]:
    """The header of a user with a password, or of a token."""
    kept = ConfigParser(interpolation=None)
    kept.read(Path("~/.mlflow/credentials").expanduser())
    names = ("mlflow_tracking_username", "mlflow_tracking_password")
    user, password = (os.environ.get(name.upper()) or kept.get("mlflow", name, fallback=None) for name in names)
    if user and password:
        return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _signature() -> AuthBase | None:
    """What signs each request: AWS, or a plugin of MLflow's, for whoever has one."""
    if _says_yes("MLFLOW_TRACKING_AWS_SIGV4"):
        signer: AuthBase = importlib.import_module("requests_auth_aws_sigv4").AWSSigV4("execute-api")
        return signer
    if name := os.environ.get("MLFLOW_TRACKING_AUTH"):
        from mlflow.tracking.request_auth.registry import fetch_auth

        plugin: AuthBase = fetch_auth(name)
        return plugin
    return None


def _says_yes(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in ("true", "1")
