from __future__ import annotations

import json
from collections import Counter

import pytest

from deploy.stores import faults
from deploy.stores.digests import DigestIndex
from deploy.stores.ledger import Ledger
from latentloop.demo.damage import DAMAGES
from tasks.context import engine, objects, settings
from tasks.ingest import find_new_segments, ingest_segments
from tests.data_checks.pictures import product
from tests.tasks.arrivals import REASON_OF, capture, damaged, ingest, intact
from tests.tasks.conftest import Configure
from vae_core.preprocessing import pixel_digest

pytestmark = pytest.mark.usefixtures("configure")


def test_every_kind_of_damage_is_counted_under_its_reason() -> None:
    expected = Counter({"duplicate": 2})
    contents = [intact(seed) for seed in range(20)] + [intact(4), intact(4)]
    for number, kind in enumerate(DAMAGES, start=1):
        contents += [damaged(kind, seed) for seed in range(number)]
        expected[REASON_OF[kind]] += number
    capture(contents, "supplier")

    (chunk,) = find_new_segments.fn()
    counts = ingest_segments.fn(chunk)

    assert (counts.received, counts.accepted, counts.reasons) == (len(contents), 20, dict(expected))
    assert settings().open_catalogue().counts().per_reason == expected
    assert counts.accepted + counts.quarantined == counts.received


def test_an_image_of_a_benchmark_is_refused_as_leakage() -> None:
    secret = pixel_digest(product(7)[None])
    DigestIndex(engine()).protect([secret], "benchmarks/old")
    capture([intact(seed) for seed in range(10)], "supplier")

    ingest()

    refused = settings().open_catalogue().read(["reason", "digest"], table="quarantine").to_pylist()
    assert refused == [{"reason": "leakage", "digest": secret}]
    assert DigestIndex(engine()).owners([secret]) == {}
    assert secret not in settings().open_catalogue().read(["digest"])["digest"].to_pylist()


def test_a_batch_with_three_black_frames_in_ten_is_held_as_a_whole() -> None:
    capture([*(intact(seed) for seed in range(84)), *(damaged("black", seed) for seed in range(36))], "supplier")

    (segment,) = ingest()

    counts = settings().open_catalogue().counts()
    assert (counts.accepted, counts.per_reason) == (0, {"batch_held": 84, "low_variance": 36})
    (line,) = Ledger(engine()).entries("ingest-held")
    assert line.subject == segment
    assert "refused_low_variance" in json.loads(line.body)["reason"]
    digest = pixel_digest(product(0)[None])
    assert DigestIndex(engine()).owners([digest]) == {}, "a held image may be sent again"


def test_an_unreadable_segment_is_on_record_and_does_not_stop_the_others() -> None:
    broken = "captures/files/broken.parquet"
    objects().put(broken, b"no parquet")
    good = capture([intact(seed) for seed in range(5)], "supplier")

    assert set(ingest()) == {broken, good}

    assert settings().open_catalogue().counts().accepted == 5
    (line,) = Ledger(engine()).entries("ingest-unreadable")
    assert line.subject == broken
    assert "expected Parquet" in json.loads(line.body)["reason"]
    assert find_new_segments.fn() == [[broken]]


def test_nothing_new_is_no_work() -> None:
    assert find_new_segments.fn() == []
    capture([intact(seed) for seed in range(5)], "supplier")
    ingest()
    version = settings().open_catalogue().version()
    assert find_new_segments.fn() == []
    assert settings().open_catalogue().version() == version


def test_images_that_arrive_between_a_kill_and_the_restart_do_not_change_what_was_decided(
    configure: Configure,
) -> None:
    """The restart judges a larger batch, which is held; the first segment's quarantine is committed already."""

    class Killed(BaseException):
        pass

    def kill(name: str, moment: str) -> None:
        if (name, moment) == ("catalogue.append", "before"):
            raise Killed

    first = capture([intact(seed) for seed in range(20)], "first")
    with faults.installed(kill), pytest.raises(Killed):
        ingest()
    second = capture(
        [*(intact(seed) for seed in range(10, 94)), *(damaged("black", seed) for seed in range(36))], "second"
    )

    ingest()

    catalogue = settings().open_catalogue()
    assert set(catalogue.read(["segment"])["segment"].to_pylist()) == {first}
    counts = catalogue.counts()
    assert (counts.accepted, counts.quarantined) == (20, 120)
    (line,) = Ledger(engine()).entries("ingest", second)
    assert json.loads(line.body)["accepted"] == 0


def test_an_image_whose_twin_was_claimed_by_a_faster_ingest_is_not_lost() -> None:
    """The other ingest takes the later segment alone, while this one counts its row as the duplicate."""
    capture([intact(seed) for seed in range(5)], "supplier")
    capture([intact(seed) for seed in range(4, 9)], "traffic")
    ((early, late),) = find_new_segments.fn()
    others = [[late]]

    def race(name: str, moment: str) -> None:
        if (name, moment) == ("digests.claim", "before") and others:
            assert ingest_segments.fn(others.pop()).accepted == 5

    with faults.installed(race):
        ingest_segments.fn([early, late])

    assert not others, "the race was never run"
    catalogue = settings().open_catalogue()
    assert sorted(catalogue.read(["digest"])["digest"].to_pylist()) == sorted(
        pixel_digest(product(seed)[None]) for seed in range(9)
    )
    assert catalogue.counts().per_reason == {"duplicate": 1}
