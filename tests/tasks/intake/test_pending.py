"""What an ingest has to look at: new segments, and what another policy than today's refused, once for each."""

from __future__ import annotations

import pytest

from tasks.ingest import find_new_segments
from tasks.intake.pending import policy_digest
from tests.tasks.arrivals import capture, damaged, ingest, intact
from tests.tasks.intake.policies import newest_counts, set_policy, strict_arrival
from tests.tasks.opened import forget, opened

pytestmark = pytest.mark.usefixtures("configure")


def test_the_same_bytes_under_another_policy_are_judged_again_by_the_next_ingest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    segment = strict_arrival(monkeypatch)
    assert find_new_segments.fn(opened()) == []

    set_policy(monkeypatch, min_variance=0.003)

    assert ingest() == [segment]
    catalogue = opened().catalogue
    assert catalogue.counts().accepted == 20
    assert catalogue.counts().per_reason == {"truncated": 1, "duplicate": 1}
    assert set(catalogue.read(["policy"])["policy"].to_pylist()) == {policy_digest(opened())}
    counts = newest_counts(segment)
    assert (counts.received, counts.accepted, counts.quarantined) == (22, 20, 2)
    assert counts.policy == policy_digest(opened())
    assert find_new_segments.fn(opened()) == [], "every image was judged by today's policy"


def test_policies_may_come_back_and_each_change_judges_what_is_open_once(monkeypatch: pytest.MonkeyPatch) -> None:
    segment = capture([*(intact(seed) for seed in range(5)), damaged("black")], "supplier")
    ingest()
    for least in (0.002, 0.003, 0.002):
        set_policy(monkeypatch, min_variance=least)
        assert (ingest(), ingest()) == ([segment], [])
    decisions = opened().catalogue.read(["row", "reason", "round"], table="quarantine").to_pylist()
    assert sorted(decisions, key=lambda each: each["round"]) == [
        {"row": 5, "reason": "low_variance", "round": number} for number in range(4)
    ]
    assert len(opened().ledger.entries("ingest", segment)) == 4


def test_another_preprocessing_is_another_catalogue_that_fills_itself_and_the_first_one_stays(
    configure: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = capture([intact(seed) for seed in range(5)], "supplier")
    ingest()
    first = opened().catalogue
    monkeypatch.setenv("LATENTLOOP_PREPROCESSING__FIT", "stretch")
    forget()
    second = opened().catalogue
    assert first.name != second.name and second.counts().accepted == 0

    assert ingest() == [segment]

    assert first.read().to_pylist() and first.counts() == second.counts()
    assert first.read(["digest"]) == second.read(["digest"])
    assert set(second.read(["preprocessing"])["preprocessing"].to_pylist()) == {opened().settings.preprocessing.digest}


def test_nothing_new_is_no_work() -> None:
    assert find_new_segments.fn(opened()) == []
    capture([intact(seed) for seed in range(5)], "supplier")
    ingest()
    version = opened().catalogue.version()
    assert find_new_segments.fn(opened()) == []
    assert opened().catalogue.version() == version
