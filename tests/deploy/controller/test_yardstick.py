"""A small reference is completed by the first different images that its version answered, once and for everybody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from data_checks.drift.policy import DriftPolicy
from data_checks.verdict import Phase
from deploy.controller.neighbours import Neighbours
from deploy.controller.screening import Screening
from deploy.controller.yardstick import Yardstick, read_yardstick
from deploy.release import ServedVersion
from deploy.stores.errors import StoreUnavailable
from tests.deploy.controller.world import Traffic, add_version, swap
from tests.deploy.serving.house import House

POLICY = DriftPolicy()
OWN = 120


@pytest.fixture
def served(house: House, alone: Neighbours) -> ServedVersion:
    version = add_version(house, "1", seed=1, reference=OWN)
    swap(alone.releases, champion=version)
    return version


def read(world: Neighbours, served: ServedVersion, since: datetime, policy: DriftPolicy = POLICY) -> Yardstick:
    found = read_yardstick(world.objects, world.telemetry, served, since, datetime.now(UTC), policy)
    assert found is not None
    return found


def test_a_reference_that_is_large_enough_stays_as_it_is(house: House, alone: Neighbours) -> None:
    served, since = add_version(house, "1", seed=1), datetime.now(UTC)
    Traffic(alone.telemetry).answer("1", 600)
    found = read(alone, served, since)
    assert (len(found.sample), found.own, found.since) == (2_000, 2_000, since)


def test_the_first_different_images_complete_it_and_are_not_judged_themselves(
    alone: Neighbours, served: ServedVersion
) -> None:
    since, traffic = datetime.now(UTC), Traffic(alone.telemetry)
    traffic.answer("1", 100, seed=1)
    traffic.answer("1", 100, seed=1)  # the same pictures again
    traffic.refuse("1", 50, "low_variance")
    traffic.answer("2", 400, seed=9)  # another version's
    waiting = read(alone, served, since)
    assert (len(waiting.sample), waiting.complete, waiting.since) == (OWN + 100, False, since)

    traffic.answer("1", 300, seed=2)
    complete = read(alone, served, since)

    assert complete.complete and len(complete.sample) == POLICY.min_reference and complete.own == OWN
    rows = alone.telemetry.window(since, datetime.now(UTC), version="1")
    np.testing.assert_array_equal(complete.sample.mu[OWN : OWN + 100], rows.mu[:100].astype(np.float32))
    last = rows.at[250 + 280 - 1].astype(datetime).replace(tzinfo=UTC)
    assert complete.since == last + timedelta(microseconds=1)


def test_what_was_chosen_holds_whatever_comes_later_and_goes_out_of_the_telemetry(
    alone: Neighbours, served: ServedVersion
) -> None:
    since, traffic = datetime.now(UTC), Traffic(alone.telemetry)
    traffic.answer("1", 450, seed=2)
    first = read(alone, served, since)
    traffic.answer("1", 900, shift=2.0, seed=3)
    later = read(alone, served, datetime.now(UTC) - timedelta(microseconds=1))
    np.testing.assert_array_equal(first.sample.mu, later.sample.mu)
    assert later.since > first.since
    stricter = read(alone, served, since, POLICY.model_copy(update={"min_reference": 700}))
    assert len(stricter.sample) == 700, "another policy completes for itself"


def test_the_screening_judges_nothing_before_and_sees_a_shift_after(alone: Neighbours, served: ServedVersion) -> None:
    traffic, screening = Traffic(alone.telemetry), Screening(alone, POLICY)
    traffic.answer("1", 300, seed=1)
    traffic.answer("1", 50, seed=1)
    traffic.answer("1", 150, seed=1)
    early = screening.look(datetime.now(UTC))
    assert early is not None and early.phase is Phase.inconclusive and "traffic completes it" in early.reason

    traffic.answer("1", 600, seed=2)
    traffic.answer("1", 600, seed=3)
    assert (ordinary := screening.look(datetime.now(UTC))) is not None and not ordinary.failed, ordinary

    traffic.answer("1", 600, shift=1.5, seed=4)
    with pytest.raises(StoreUnavailable):  # no orchestrator stands here to be asked for a run
        screening.look(datetime.now(UTC))
    (alarm,) = alone.ledger.entries("alarm", "1")
    assert "latent_shift" in alarm.body
