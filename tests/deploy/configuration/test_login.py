"""The word that Prefect's server asks for has a user and a password, and is shown to nobody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.configuration.login import is_prefect_auth
from tests.deploy.settled import problems


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("word", ["secret-without-a-user", "user:", ":secret", "user:sec ret\n"])
def test_a_word_for_prefect_that_is_no_user_and_password_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("LATENTLOOP_PREFECT_AUTH", word)

    (said,) = problems()

    assert said.startswith("prefect_auth: ")
    assert "expected `user:password` in ASCII" in said
    assert said.endswith("(set by LATENTLOOP_PREFECT_AUTH)")
    assert "sec" not in said.lower()


@given(st.text(max_size=8), st.text(max_size=8))
def test_a_word_has_a_user_and_a_password_that_a_header_can_carry(user: str, password: str) -> None:
    # what a browser's btoa and Prefect's Basic header both take: printable ASCII
    carried = all(" " <= each <= "~" for each in user + password)

    assert is_prefect_auth(f"{user}:{password}") == (
        carried and bool(user.partition(":")[0]) and bool(f"{user}:{password}".partition(":")[2])
    )
