"""A rollback that the orchestrator was asked for: the version before serves again, on record under the flow's name."""

from __future__ import annotations

import pytest

from deploy.record.rollback import ROLLBACK, NothingToRollBack
from deploy.release import ServedVersion
from deploy.stores.objects.release_file import generate_keys
from tasks.rollback import take_back
from tests.deploy.controller.world import swap
from tests.tasks.opened import opened

SIX, SEVEN = (ServedVersion(version=name, digest=f"d{name}", artifact=f"artifacts/d{name}") for name in "67")


@pytest.fixture(autouse=True)
def keys(configure: object) -> None:
    """Those of the installation, which sign what replicas are told."""
    generate_keys(opened().settings.secrets_folder)


def test_the_version_before_serves_again_and_the_line_says_by_which_way_and_why() -> None:
    swap(opened().releases, champion=SEVEN, previous=SIX)

    assert take_back.fn(opened(), "complaints") == "6"

    (line,) = ROLLBACK.lines(opened().ledger, "7")
    said = line.body
    assert (said.serves, said.how, said.who, said.reason) == ("6", "flow", opened().owner, "complaints")


def test_without_a_version_before_nothing_is_taken_back() -> None:
    released = swap(opened().releases, champion=SEVEN)
    with pytest.raises(NothingToRollBack):
        take_back.fn(opened(), "complaints")
    assert opened().releases.read() == released
