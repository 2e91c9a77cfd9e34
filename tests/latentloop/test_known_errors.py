"""What a user, a neighbour or the system can cause is a sentence; a mistake of ours is none."""

from __future__ import annotations

import errno

import httpx
import pytest

from data_checks.errors import SplitImpossible
from deploy.settings import SettingsError
from deploy.stores.errors import StoreFull
from latentloop.errors import NothingToDo
from latentloop.known_errors import say_known_error
from vae_core.errors import ArtifactError

ASKED = httpx.Request("GET", "http://127.0.0.1:9/version")


def answered(status: int, text: str) -> httpx.HTTPStatusError:
    return httpx.HTTPStatusError("", request=ASKED, response=httpx.Response(status, text=text))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SplitImpossible("too few sources"), "too few sources"),
        (SettingsError("gate.bonus: unknown setting"), "gate.bonus: unknown setting"),
        (StoreFull("objects: no space left"), "objects: no space left"),
        (NothingToDo("the folder is empty"), "the folder is empty"),
        (ArtifactError("no manifest"), "no manifest"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/shop/a.png"),
            "/shop/a.png: No space left on device: free space",
        ),
        (answered(503, "busy"), "http://127.0.0.1:9/version answered 503: busy"),
        (
            httpx.ConnectError("refused", request=ASKED),
            "http://127.0.0.1:9/version did not answer (refused): is it up?",
        ),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else "",
)
def test_what_somebody_else_caused_is_told_in_its_own_words(error: Exception, said: str) -> None:
    assert (say_known_error(error) or "").startswith(said)


def test_a_whole_page_for_an_answer_is_cut() -> None:
    assert len(say_known_error(answered(500, "x" * 10_000)) or "") < 300


@pytest.mark.parametrize("error", [ValueError("ours"), KeyError("ours"), AssertionError("ours")])
def test_a_mistake_of_ours_has_no_sentence(error: Exception) -> None:
    assert say_known_error(error) is None
