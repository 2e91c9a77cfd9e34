"""Who asks MLflow, and whom it trusts: what the variables of MLflow's own library say, and its `~/.mlflow/credentials`.

What they say and cannot be done is a StoreRefused that names the variable.
"""

from __future__ import annotations

import importlib
import os
import ssl
import warnings
from base64 import b64encode
from configparser import ConfigParser
from functools import cached_property
from pathlib import Path
from typing import Any

from requests import PreparedRequest
from requests.auth import AuthBase

from deploy.stores.errors import StoreRefused

INSECURE, AUTHORITY, CLIENT, SIGV4, PLUGIN = (
    f"MLFLOW_TRACKING_{each}" for each in ("INSECURE_TLS", "SERVER_CERT_PATH", "CLIENT_CERT_PATH", "AWS_SIGV4", "AUTH")
)


def authorization() -> dict[str, str]:
    """The header of a user with a password, or of a token."""
    kept = ConfigParser(interpolation=None)
    kept.read(Path("~/.mlflow/credentials").expanduser())
    names = ("mlflow_tracking_username", "mlflow_tracking_password")
    user, password = (os.environ.get(name.upper()) or kept.get("mlflow", name, fallback=None) for name in names)
    if user and password:
        return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def trusted_authority() -> bool | str:
    """What `requests` calls `verify`: the system's authorities, the file or folder of others, or none at all."""
    path, insecure = os.environ.get(AUTHORITY), _says_yes(INSECURE)
    if not path:
        return not insecure
    if insecure:
        raise StoreRefused(f"{INSECURE} and {AUTHORITY} contradict each other: set one of them")
    try:
        folder = Path(path).is_dir()
        ssl.create_default_context(cafile=None if folder else path, capath=path if folder else None)
    except OSError as error:
        raise StoreRefused(f"{AUTHORITY}: {path} holds no certificate that can be read: {error}") from error
    return path


def client_certificate() -> str | None:
    """The file with certificate and key of whoever asks."""
    if not (path := os.environ.get(CLIENT)):
        return None
    try:
        # an empty password: without one, OpenSSL asks the terminal for that of an encrypted key
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(path, password="")
    except OSError as error:
        raise StoreRefused(f"{CLIENT}: {path} holds no certificate with its unencrypted key: {error}") from error
    return path


def signature() -> AuthBase | None:
    """What signs each question: AWS, or a plugin of MLflow's, for whoever has one."""
    if _says_yes(SIGV4):
        return _Aws()
    return _Plugin(name) if (name := os.environ.get(PLUGIN)) else None


class _Aws(AuthBase):
    """AWS Signature Version 4, by the package that MLflow's own client uses; keys of a role are renewed by boto3."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        from botocore.exceptions import BotoCoreError

        try:
            signer = importlib.import_module("requests_auth_aws_sigv4").AWSSigV4
        except ImportError as error:
            raise StoreRefused(f"{SIGV4} needs a package: pip install requests-auth-aws-sigv4") from error
        try:
            keys, region = self._session.get_credentials(), self._session.region_name
            frozen = keys and keys.get_frozen_credentials()
        except BotoCoreError as error:
            raise StoreRefused(f"{SIGV4}: boto3 cannot read its keys: {error}") from error
        if not frozen or not region:
            raise StoreRefused(f"{SIGV4}: boto3 finds no {'region' if frozen else 'keys'} to sign with: configure it")
        signed: PreparedRequest = signer(
            "execute-api", session=self._session, region=region, aws_access_key_id=frozen.access_key,
            aws_secret_access_key=frozen.secret_key, aws_session_token=frozen.token,
        )(request)  # fmt: skip
        return signed

    @cached_property
    def _session(self) -> Any:
        import boto3

        return boto3.Session()


class _Plugin(AuthBase):
    """A plugin of MLflow's, asked for each question as MLflow's client does: its tokens expire."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        from mlflow.tracking.request_auth.registry import fetch_auth

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that it found none: it would go on as nobody
                plugin = fetch_auth(self._name)
            signed: PreparedRequest | None = plugin(request) if plugin is not None else None
        except Exception as error:  # whatever somebody's plugin raises
            said = " ".join(str(error).split()) or type(error).__name__
            raise StoreRefused(f"{PLUGIN}: the plugin {self._name!r} failed: {said}") from error
        if signed is None:
            raise StoreRefused(f"{PLUGIN}: no plugin of the name {self._name!r} is installed: install it, or unset it")
        return signed


def _says_yes(variable: str) -> bool:
    said = os.environ.get(variable, "").lower()
    if said not in ("true", "1", "false", "0", ""):
        raise StoreRefused(f"{variable} is {said!r}: expected true, false, 1 or 0")
    return said in ("true", "1")
