"""The versions that wait for a person's word, and what was meant as one and is none."""

from __future__ import annotations

import pytest

from latentloop.delivering.pending import read_pending
from tests.latentloop.delivering.home import Home

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]


def test_what_was_meant_as_an_approval_and_is_none_is_named_where_versions_wait(home: Home) -> None:
    said_yes, elsewhere, plain = home.register(), home.register(), home.register()
    home.registry.set_tag(said_yes, "approval", "yes")
    home.registry.set_tag(elsewhere, "Approval", "approved")

    found = read_pending(home.settings, home.ledger)

    assert (found.unknown, found.other_registry) == ("", "")
    unread = {each.version: each.unread for each in found.pending if each.version in (said_yes, elsewhere, plain)}
    expected = "expected `approval` = `approved` or `rejected`"
    assert unread == {
        said_yes: f"its tag `approval` is 'yes', which is no answer: {expected}",
        elsewhere: f"its tag 'Approval' ('approved') is not read, the name is `approval`: {expected}",
        plain: "",
    }
    (line,) = [each.line for each in found.pending if each.version == said_yes]
    assert line.endswith(f"{unread[said_yes]}; `latentloop approve {said_yes}`")
