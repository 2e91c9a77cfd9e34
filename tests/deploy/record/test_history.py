"""The releases of the past, as lines of the ledger, and what became of each model by them."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import pytest

from deploy.record.history import RELEASE, read_fates
from deploy.record.kind import Kind
from deploy.release import ServedVersion
from deploy.stores.sql.ledger import Ledger
from deploy.stores.sql.release import ReleaseStore
from tests.deploy.controller.world import swap
from tests.deploy.record.of_before import Told, assert_goes_on
from tests.deploy.serving.house import House

SERVED = {"version": "7", "digest": "d7", "artifact": "artifacts/d7"}
WRITTEN_BEFORE: dict[str, Told] = {
    "release": ({"epoch": 4, "champion": SERVED, "changed_at": "2026-01-02T03:04:05Z", "reason": "served"}, "served"),
}


@pytest.mark.parametrize("kind", [RELEASE], ids=attrgetter("name"))
def test_a_line_of_the_release_before_is_read_told_and_written_so_that_it_is_read_again(
    ledger: Ledger, kind: Kind[Any]
) -> None:
    assert_goes_on(ledger, kind, WRITTEN_BEFORE[kind.name])


def test_the_last_of_several_releases_says_what_became_of_a_model(house: House) -> None:
    releases = ReleaseStore(house.engine)
    swap(releases, shadow=served("1"))
    swap(releases, shadow=None, champion=served("1"))
    swap(releases, shadow=served("2"))
    told = swap(releases, "it lost", shadow=None)

    fates = read_fates(Ledger(house.engine))

    assert {digest: fate.delivery for digest, fate in fates.items()} == {"d1": "promoted", "d2": "rolled_back"}
    assert (fates["d2"].epoch, fates["d2"].at, fates["d2"].reason) == (told.epoch, told.changed_at, "it lost")


def served(version: str) -> ServedVersion:
    return ServedVersion(version=version, digest=f"d{version}", artifact=f"artifacts/d{version}")
