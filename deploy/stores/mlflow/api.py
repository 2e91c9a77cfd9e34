"""MLflow's REST API, as far as versions, tags and aliases need it, without its library.

The library takes 1.3 CPU-seconds and 100 MB to load: too much for a `status`, or for a controller that only asks. Who
asks is said as it is to the library (`mlflow_access`).
"""

from __future__ import annotations

import ssl
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.util import Retry

from deploy.stores.errors import StoreUnavailable
from deploy.stores.mlflow.access import (
    AUTHORITY,
    CLIENT,
    authorization,
    client_certificate,
    signature,
    trusted_authority,
)

# a proxy that restarts, a locked SQLite file: asked once more
_TRANSIENT = (408, 429, 500, 502, 503, 504)
_CODES = {400: "BAD_REQUEST", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}


class ApiError(Exception):
    """MLflow said no, or nothing that can be read; `code` is MLflow's, empty where there is none."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.code = code


class MlflowApi:
    """The server at `url`, asked as whoever the environment says.

    Every question raises StoreRefused where the environment says what cannot be done, and StoreUnavailable where this
    process and the server do not trust each other's certificates.
    """

    def __init__(self, url: str, *, retries: int) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.headers.update(authorization())
        retry = Retry(
            total=retries, status_forcelist=_TRANSIENT, allowed_methods=None, raise_on_status=False,
            respect_retry_after_header=False,
        )  # fmt: skip
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))

    def require_access(self) -> None:
        """StoreRefused for what the environment says and cannot be done: MLflow's library breaks, or asks as nobody."""
        _ = self._certificates
        if self._signature is not None:
            self._signature(requests.Request("GET", self._url).prepare())

    def answers(self, *, timeout_s: float) -> bool:
        """Does the server say that it is well?"""
        try:
            return self._send("GET", f"{self._url}/health", timeout=timeout_s).ok
        except requests.RequestException:
            return False

    def ask(self, method: str, endpoint: str, *, timeout_s: float, **said: Any) -> Any:
        """The JSON object that answers one question; ApiError, and ValueError for an answer that is none."""
        url = f"{self._url}/api/2.0/mlflow/{endpoint}"
        try:
            if method == "GET":  # a space as %20: "+" is another character to whoever checks a signature
                params = urlencode(said, doseq=True, quote_via=quote)
                answer = self._send(method, url, params=params, timeout=timeout_s)
            else:
                answer = self._send(method, url, json=said, timeout=timeout_s)
        except requests.RequestException as error:
            raise ApiError(f"API request to {url} failed: {error}") from error
        if answer.ok:
            return answer.json()
        raise _refusal(answer, url)

    def _send(self, method: str, url: str, **what: Any) -> requests.Response:
        self._session.auth, (verify, cert) = self._signature, self._certificates
        try:
            # said with each request: REQUESTS_CA_BUNDLE overrules what a session says
            return self._session.request(method, url, verify=verify, cert=cert, **what)
        except requests.exceptions.SSLError as error:
            if said := _mistrust(error):
                raise StoreUnavailable(f"MLflow at {self._url} {said}") from error
            raise

    @cached_property
    def _signature(self) -> AuthBase | None:
        return signature()

    @cached_property
    def _certificates(self) -> tuple[bool | str, str | None]:
        return trusted_authority(), client_certificate()


def _mistrust(error: BaseException | None) -> str:
    """Whose certificate is not accepted and what to do; empty where a connection broke for another reason."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"is not trusted: {error.verify_message.rstrip('.')}; {AUTHORITY} names the file of the authority that "
            "signed its certificate"
        )
    if isinstance(error, ssl.SSLError):
        alert = error.reason or ""
        refused = "ALERT" in alert and ("CERT" in alert or "UNKNOWN_CA" in alert)
        return (
            f"does not accept who asks ({alert}); {CLIENT} names the file with a certificate that it trusts, and "
            "its key"
            if refused
            else ""
        )
    cause = getattr(error, "reason", None) or next(iter(getattr(error, "args", ())), None)
    return _mistrust(cause) if isinstance(cause, BaseException) else ""


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
