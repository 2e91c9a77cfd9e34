"""`latentloop open`: the pages of a running installation in a browser, that of the runs signed in."""

from __future__ import annotations

import base64
import os
import webbrowser
from collections.abc import Callable
from pathlib import Path

from deploy.settings import Settings
from deploy.stores.prefect_auth import AUTH_FILE
from latentloop.installation.pages import Page
from latentloop.installation.running import read_installation
from latentloop.orchestration.prefect_environment import SIGN_IN_PATH

SIGN_IN_FILE = "open-runs.html"

Say = Callable[[str], None]


def address(settings: Settings, page: Page) -> str:
    """The plain address: a person who is not signed in is asked for the word there."""
    if page is Page.runs:
        return (settings.prefect_url or "").removesuffix("/api")
    if page is Page.registry:
        return f"{settings.mlflow_url}/#/models/{settings.product}"
    return f"{settings.service_url}/docs"


def open_page(settings: Settings, page: Page, say: Say) -> bool:
    """Open the page in this machine's browser; False where there is none."""
    url = address(settings, page)
    if page is Page.runs and settings.prefect_auth is not None:
        if _is_ours(settings):
            url = write_sign_in(settings).as_uri()
        else:
            say("the server asks for `user:password`: it is the setting prefect_auth")
    return webbrowser.open(url)


def where_its_word_is(settings: Settings, page: Page) -> str:
    """Where a person finds what the page asks for; the word itself is not printed. Empty where it asks for nothing."""
    if page is not Page.runs or settings.prefect_auth is None or not _is_ours(settings):
        return ""
    return f"it asks for a word: that is the content of {settings.secrets_folder / AUTH_FILE}"


def write_sign_in(settings: Settings) -> Path:
    """A page for this user alone (0600) that goes on to the server's sign-in page with the word.

    The word is not in the address that the browser is started with: every user of the machine can read that.
    """
    assert settings.prefect_auth is not None
    word = base64.b64encode(settings.prefect_auth.get_secret_value().encode()).decode()
    target = f"{address(settings, Page.runs)}{SIGN_IN_PATH}#{word}"
    path = settings.secrets_folder.resolve() / SIGN_IN_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f'<!doctype html><meta charset="utf-8"><script>location.replace("{target}")</script>\n')
    temporary.replace(path)
    return path


def _is_ours(settings: Settings) -> bool:
    """Only the server that `up` started has our sign-in page."""
    found = read_installation(settings.home)
    return found is not None and found.own_prefect and found.prefect_url == settings.prefect_url
