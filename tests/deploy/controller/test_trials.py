"""What a judge is given of a trial: its pairs, the threshold of the champion's reference, what the canary answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from deploy.controller.neighbours import Neighbours
from deploy.controller.trials import Standing, Trials
from deploy.release import ServedVersion
from deploy.serving.versions.router import request_share
from deploy.stores.sql.pairs import PairRow
from tests.deploy.controller.world import POLICY, Traffic, add_version
from tests.deploy.serving.house import House

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
STAGE = SINCE + timedelta(hours=1)
END = STAGE + timedelta(hours=1)
IDS = [f"request-{index}" for index in range(2_000)]
CANARYS = [each for each in IDS if request_share(each) < POLICY.canary_share]
OTHERS = [each for each in IDS if request_share(each) >= POLICY.canary_share]


def standing(champion: ServedVersion, stage: str = "canary") -> Standing:
    two = ServedVersion(version="2", digest="d2", artifact="artifacts/d2")
    return Standing(stage, two, champion, 3, SINCE, STAGE)  # type: ignore[arg-type]


def trials(world: Neighbours) -> Trials:
    return Trials(world.pairs, world.telemetry, world.ledger, world.objects, POLICY)


def pair(id: str, at: datetime, answered_by: str, failure: str | None) -> PairRow:
    error = None if failure else 0.01
    return PairRow(at, id, "test", "1", "2", answered_by, 0.01, error, 1.0, failure)


def test_a_canary_is_held_to_what_it_was_to_answer_since_it_is_canary(house: House, alone: Neighbours) -> None:
    early, late = STAGE - timedelta(seconds=1), STAGE + timedelta(seconds=1)
    alone.pairs.write([pair(each, early, "1", "in the shadow") for each in CANARYS])
    alone.pairs.write([pair(each, late, "1", "the champion answered for it") for each in CANARYS[:30]])
    alone.pairs.write([pair(each, late, "2", None) for each in CANARYS[30:50]])
    alone.pairs.write([pair(CANARYS[50], late, "2", "its error is not finite")])
    alone.pairs.write([pair(each, late, "1", "beside the champion") for each in OTHERS[:100]])
    alone.pairs.write([pair(each, late, "1", None) for each in OTHERS[100:]])
    champion = house.add_version("1", seed=1)

    found = trials(alone).read(standing(champion), END, 3600.0)
    shadow = trials(alone).read(standing(champion, "shadow"), END, 3600.0)

    assert (found.canary_tried, found.canary_failures) == (51, 31)
    assert found.failures == len(CANARYS) + 131, "of all pairs, as before"
    assert (shadow.canary_tried, shadow.canary_failures) == (0, 0)


def test_a_reference_that_could_not_be_read_is_read_again(house: House, alone: Neighbours) -> None:
    champion = add_version(house, "1", seed=1)
    manifest = f"{champion.artifact}/manifest.json"
    kept = house.objects.get(manifest).data
    house.objects.delete(manifest)
    judged = trials(alone)
    assert judged.read(standing(champion), END, 0.0).tail_threshold is None

    house.objects.put(manifest, kept)

    threshold = judged.read(standing(champion), END, 0.0).tail_threshold
    assert threshold is not None and np.isfinite(threshold)
    house.objects.delete(manifest)
    assert judged.read(standing(champion), END, 0.0).tail_threshold == threshold, "what was found is kept"


def test_a_look_adds_what_has_come_since_and_another_trial_begins_anew(house: House, alone: Neighbours) -> None:
    champion, judged = house.add_version("1", seed=1), trials(alone)
    alone.pairs.write([replace(pair(IDS[0], STAGE, "1", None), champion_error=error) for error in (0.1, 0.2)])
    assert judged.read(standing(champion, "shadow"), END, 0.0).champion_error.tolist() == [0.1, 0.2]

    late = SINCE + timedelta(minutes=1)  # of a replica whose database was away
    alone.pairs.write([replace(pair(IDS[1], late, "1", None), champion_error=0.3), pair(IDS[2], STAGE, "1", "raised")])

    canary = judged.read(standing(champion), END, 0.0)
    assert canary.champion_error.tolist() == [0.1, 0.2, 0.3], "no pair goes between those that were judged already"
    assert canary.failures == 1
    again = replace(standing(champion), since=STAGE)
    assert judged.read(again, END, 0.0).champion_error.tolist() == [0.1, 0.2]
    other = replace(standing(champion), candidate=champion)
    assert len(judged.read(other, END, 0.0).champion_error) == 0


def test_a_canary_that_is_too_slow_is_held_beside_the_champion(house: House, alone: Neighbours) -> None:
    champion, traffic = house.add_version("1", seed=1), Traffic(alone.telemetry)
    tried = standing(champion)
    now = datetime.now(UTC) + timedelta(hours=1)
    traffic.answer("1", 30, latency_ms=300.0)
    traffic.answer("2", 10, latency_ms=90.0)
    quick = trials(alone).read(tried, now, 0.0)
    traffic.answer("2", 10, latency_ms=200.0)
    slow = trials(alone).read(tried, now, 0.0)

    assert (quick.canary_answered, slow.canary_answered) == (10, 20)
    assert len(quick.champion_latency_ms) == 0, "nobody asks how slow the champion is"
    assert slow.champion_latency_ms.tolist() == [300.0] * 30
