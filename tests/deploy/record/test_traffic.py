"""The champion's traffic as the judges want it: since when it counts, and the newest images with what was refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from deploy.delivery.history import Delivery, Fate
from deploy.record.traffic import read_reference, read_window, serving_since
from deploy.release import Release, ServedVersion
from tests.deploy.controller.world import Traffic, add_version
from tests.deploy.serving.house import House

PROMOTED, CHANGED = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 9))
ONE = ServedVersion(version="1", digest="d1", artifact="artifacts/d1")
SERVING = Release(epoch=9, champion=ONE, changed_at=CHANGED)


def fate(delivery: Delivery) -> Fate:
    return Fate(delivery, 1, PROMOTED, "why")


@pytest.mark.parametrize(
    ("release", "fates", "since"),
    [
        (Release(), {}, None),
        (SERVING, {"d1": fate("promoted")}, PROMOTED),
        (SERVING, {"d1": fate("rolled_back")}, CHANGED),
        (SERVING, {"d2": fate("promoted")}, CHANGED),
    ],
    ids=["nobody serves", "promoted", "back after a rollback", "no release tells of it"],
)
def test_a_champion_serves_since_its_promotion_or_since_the_rollback_that_brought_it_back(
    release: Release, fates: dict[str, Fate], since: datetime | None
) -> None:
    assert serving_since(release, fates) == since


def test_a_window_is_the_newest_of_one_version_with_the_refused_ones_counted_by_reason(house: House) -> None:
    traffic, since = Traffic(house.telemetry), datetime.now(UTC)
    traffic.answer("1", 20, shift=5.0)
    traffic.answer("2", 20, shift=9.0)
    traffic.answer("1", 7)
    traffic.refuse("1", 2, "low_variance")
    traffic.refuse("1", 1, "truncated")

    window = read_window(house.telemetry, "1", since, datetime.now(UTC) + timedelta(hours=1), rows=10)

    assert (window.received, dict(window.refused)) == (10, {"low_variance": 2, "truncated": 1})
    assert len(window.sample) == 7
    assert window.sample.mu.dtype == np.float32 and abs(window.sample.mu.mean()) < 1, "none of the older ones"


def test_a_reference_that_cannot_be_read_is_none(house: House) -> None:
    served = add_version(house, "1", seed=1, reference=50)
    found = read_reference(house.objects, served)
    assert found is not None and len(found) == 50

    bare = house.add_version("2", seed=2, with_reference=False)
    assert read_reference(house.objects, bare) is None
    house.objects.delete(f"{served.artifact}/manifest.json")
    assert read_reference(house.objects, served) is None
