"""What a person decides about quarantine holds, is on record, and never lets in what must not be trained on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from latentloop.demo.damage import encode_png
from tasks.ingest import find_new_segments
from tasks.intake.vouching import Released, discard_rows, rejudge_all, release_rows
from tests.tasks.arrivals import capture, damaged, ingest, intact
from tests.tasks.intake.policies import newest_counts, set_policy
from tests.tasks.opened import opened
from vae_core.images.preprocessing import pixel_digest

pytestmark = pytest.mark.usefixtures("configure")


def grey(level: int) -> bytes:
    return encode_png(np.full((28, 28), level, np.uint8))


def test_flat_images_come_in_for_the_reason_of_a_person_and_say_so() -> None:
    segment = capture([intact(0), grey(200), grey(201), damaged("truncated")], "supplier")
    ingest()

    released = release_rows(opened(), {segment: [1, 3]}, "a white page is a page")

    assert released == Released(1, {"truncated": 1})
    rows = opened().catalogue.read(["row", "vouched", "variance"]).to_pylist()
    assert [(row["row"], row["vouched"]) for row in rows] == [(0, ""), (1, "a white page is a page")]
    assert rows[1]["variance"] == 0
    assert opened().catalogue.counts().per_reason == {"low_variance": 1, "truncated": 1}
    assert newest_counts(segment).accepted == 2
    (line,) = opened().ledger.entries("quarantine-released")
    assert json.loads(line.body)["reason"] == "1 images: a white page is a page"
    assert release_rows(opened(), {segment: [1]}, "again").refused == {} and opened().catalogue.counts().accepted == 2


def test_a_person_cannot_let_in_what_a_benchmark_holds_nor_what_is_there_already() -> None:
    segment = capture([grey(9), grey(10), grey(11)], "supplier")
    ingest()
    index = opened().digests
    index.protect([pixel_digest(np.full((1, 28, 28), 9, np.uint8))], "benchmarks/old")
    index.claim([pixel_digest(np.full((1, 28, 28), 10, np.uint8))], ["another:1"])
    released = release_rows(opened(), {segment: [0, 1, 2]}, "all of them")
    assert released == Released(1, {"leakage": 1, "duplicate": 1})


def test_a_held_source_comes_in_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    segment = capture([*(intact(seed) for seed in range(84)), *(damaged("black", seed) for seed in range(36))], "s")
    ingest()
    assert release_rows(opened(), {segment: list(range(84))}, "the black ones were the lens cap").accepted == 84
    assert opened().catalogue.counts().per_reason == {"low_variance": 36}
    assert find_new_segments.fn(opened()) == []


def test_what_was_given_up_is_not_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    segment = capture([intact(0), grey(9), grey(10)], "supplier")
    ingest()
    assert discard_rows(opened(), {segment: [1]}, "a scan of nothing") == 1
    assert opened().catalogue.counts().per_reason == {"low_variance": 1, "discarded": 1}
    set_policy(monkeypatch, min_variance=0.0)
    ingest()
    assert opened().catalogue.counts().per_reason == {"discarded": 1}
    assert opened().catalogue.counts().accepted == 2


def test_everything_is_judged_again_on_demand_though_no_setting_changed() -> None:
    segment = capture([intact(0), grey(9), damaged("empty")], "supplier")
    ingest()
    counts = rejudge_all(opened())
    assert (counts.received, counts.accepted, counts.reasons) == (2, 0, {"low_variance": 1, "empty_file": 1})
    decisions = opened().catalogue.decisions().to_pylist()
    assert [(each["row"], each["round"]) for each in decisions] == [(1, 1), (2, 1)]
    assert newest_counts(segment).received == 3
