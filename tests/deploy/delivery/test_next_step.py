"""The sentence that tells a person what can be done next with a version."""

from __future__ import annotations

import pytest

from deploy.delivery.causes import Cause
from deploy.delivery.history import Delivery
from deploy.delivery.next_step import say_next
from deploy.release import Release, ServedVersion


@pytest.mark.parametrize(
    ("delivery", "cause", "said"),
    [
        ("shadow", None, "it is on trial, see `latentloop status`; to take it back set `approval` to `rejected`"),
        (
            "rolled_back",
            Cause.technical,
            "to have it tried again: set `approval` to `approved`, or `latentloop approve 7`",
        ),
        (
            "rolled_back",
            Cause.quality,
            "to have it tried again: `latentloop override 7 --reason TEXT`, then set `approval` to `approved`, or "
            "`latentloop approve 7`",
        ),
    ],
)
def test_what_can_be_done_is_said_with_its_command(delivery: Delivery, cause: Cause | None, said: str) -> None:
    assert say_next("7", "d7", delivery, cause, Release()) == said


@pytest.mark.parametrize(
    ("champion", "previous", "said"),
    [
        ("7", "6", "it serves; `latentloop rollback --reason TEXT` takes it back"),
        (
            "7",
            None,
            "it serves; no version before it is kept that could serve again: another version takes its place once it "
            "is approved (`latentloop approve VERSION`), and `latentloop down` stops serving",
        ),
        ("8", "7", "version 8 took its place; `latentloop rollback --reason TEXT` makes it serve again"),
        (
            "9",
            "8",
            "version 9 took its place; to have it tried again: set `approval` to `approved`, or `latentloop approve 7`",
        ),
    ],
)
def test_a_rollback_is_advised_only_where_there_is_one(champion: str, previous: str | None, said: str) -> None:
    release = Release(champion=_served(champion), previous=_served(previous) if previous is not None else None)
    assert say_next("7", "d7", "promoted", None, release) == said


def _served(version: str) -> ServedVersion:
    return ServedVersion(version=version, digest=f"d{version}", artifact=f"artifacts/d{version}")
