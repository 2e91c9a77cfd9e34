"""The page that signs a browser in: for this user alone, and the word is on no command line."""

from __future__ import annotations

import base64
import stat

import httpx
import pytest

from latentloop.installation.browser import write_sign_in
from tests.servers import GuardedPrefect


@pytest.mark.server
def test_the_page_that_signs_a_browser_in_holds_the_word_for_this_user_alone(guarded_prefect: GuardedPrefect) -> None:
    file = write_sign_in(guarded_prefect.settings)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert guarded_prefect.word.split(":")[1] not in file.as_uri(), "the browser's command line is open to everybody"
    target, word = file.read_text().split('"')[3].split("#")
    assert base64.b64decode(word).decode() == guarded_prefect.word
    page = httpx.get(target, timeout=30)
    assert page.is_success
    assert (page.headers["cache-control"], page.headers["x-frame-options"]) == ("no-store", "DENY")
    # the key under which the pages of this version of Prefect look for the word
    assert 'localStorage.setItem("prefect-password", word)' in page.text
