"""The flow takes back what serves, as the command line does, and says so on record."""

from __future__ import annotations

import pytest

from deploy.record.rollback import ROLLBACK, NothingToRollBack
from deploy.release import Release, ServedVersion
from deploy.stores.objects.release_file import generate_keys
from flows.rollback import rollback
from tests.tasks.opened import opened

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("keys")]


@pytest.fixture
def keys(installation: None) -> None:
    """As `up` makes them: who changes the release signs it."""
    generate_keys(opened().settings.secrets_folder)


def served(version: str) -> ServedVersion:
    return ServedVersion(version=version, digest=version * 64, artifact=f"artifacts/{version}")


def test_the_version_before_serves_again_and_the_order_is_on_record() -> None:
    world = opened()
    world.releases.compare_and_swap(
        0, Release(champion=served("2"), previous=served("1"), changed_at=world.now(), reason="promoted")
    )

    assert rollback(reason="faces are blurred") == "1"

    champion = world.releases.read().champion
    assert champion is not None and champion.version == "1"
    (line,) = ROLLBACK.lines(world.ledger, "2")
    assert (line.body.how, line.body.reason, line.body.serves) == ("flow", "faces are blurred", "1")


def test_with_nothing_to_go_back_to_one_line_says_so_and_nothing_changes() -> None:
    with pytest.raises(NothingToRollBack, match="^nothing to roll back: no version serves$"):
        rollback(reason="just in case")
    assert opened().releases.read().champion is None
