"""Ingestion as a whole: what came is counted once, whatever arrives or dies between two of its steps."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from deploy.stores import faults
from deploy.stores.objects.captures import CaptureStore
from latentloop.demo.damage import DAMAGES
from tasks.ingest import find_new_segments, ingest_segments
from tasks.run.progress import heard_by
from tests.tasks.arrivals import REASON_OF, capture, damaged, ingest, intact
from tests.tasks.conftest import Configure
from tests.tasks.heard import Heard
from tests.tasks.opened import opened
from tests.tasks.season import capture_images, known_images

pytestmark = pytest.mark.usefixtures("configure")


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

    catalogue = opened().catalogue
    assert set(catalogue.read(["segment"])["segment"].to_pylist()) == {first}
    counts = catalogue.counts()
    assert (counts.accepted, counts.quarantined) == (20, 120)
    (line,) = opened().ledger.entries("ingest", second)
    assert json.loads(line.body)["accepted"] == 0


def test_every_kind_of_damage_is_counted_under_its_reason() -> None:
    expected = Counter({"duplicate": 2})
    contents = [intact(seed) for seed in range(20)] + [intact(4), intact(4)]
    for number, kind in enumerate(DAMAGES, start=1):
        contents += [damaged(kind, seed) for seed in range(number)]
        expected[REASON_OF[kind]] += number
    capture(contents, "supplier")

    (chunk,) = find_new_segments.fn(opened())
    counts = ingest_segments.fn(opened(), chunk)

    assert (counts.received, counts.accepted, counts.reasons) == (len(contents), 20, dict(expected))
    assert opened().catalogue.counts().per_reason == expected
    assert counts.accepted + counts.quarantined == counts.received


def test_an_ingest_counts_the_segments_of_all_its_chunks() -> None:
    for day in range(5):
        capture_images(known_images(3, seed=day), day=day)
    assert len(CaptureStore(opened().objects).segments()) == 5
    heard = Heard()
    with heard_by(heard):
        chunks = find_new_segments.fn(opened(), at_once=2)
        for chunk in chunks:
            ingest_segments.fn(opened(), chunk, chunks)
    told = [detail for step, _, detail in heard.notes if step == "ingesting"]
    assert list(dict.fromkeys(told)) == [f"{done} of 5 segments" for done in (0, 2, 4, 5)]
