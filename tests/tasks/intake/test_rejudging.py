"""What another policy refused is judged again, once, wherever a process was killed; what came in stays."""

from __future__ import annotations

import pytest

from deploy.record.intake import IngestCounts
from deploy.stores import faults
from tasks.ingest import find_new_segments
from tasks.intake.pending import policy_digest
from tests.data_checks.pictures import product
from tests.tasks.arrivals import capture, damaged, ingest, intact
from tests.tasks.opened import forget, opened
from vae_core.images.preprocessing import pixel_digest

pytestmark = pytest.mark.usefixtures("configure")


class Killed(BaseException):
    """What stands for the end of the process."""


def set_policy(monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"LATENTLOOP_INPUT_POLICY__{name.upper()}", str(value))
    opened().engine.dispose()
    forget()


def strict_arrival(monkeypatch: pytest.MonkeyPatch) -> str:
    """Twenty images, all too flat for a policy that nothing passes, a broken one and a twin of the first."""
    set_policy(monkeypatch, min_variance=0.25)
    segment = capture([*(intact(seed) for seed in range(20)), damaged("truncated"), intact(0)], "supplier")
    ingest()
    assert opened().catalogue.counts().per_reason == {"low_variance": 21, "truncated": 1}
    return segment


def newest_counts(segment: str) -> IngestCounts:
    return IngestCounts.model_validate_json(opened().ledger.entries("ingest", segment, limit=1)[0].body)


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


def test_what_was_accepted_stays_accepted_under_a_stricter_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    segment = capture([*(intact(seed) for seed in range(20)), damaged("black")], "supplier")
    ingest()
    set_policy(monkeypatch, min_variance=0.25)
    assert ingest() == [segment]
    assert opened().catalogue.counts().accepted == 20
    assert newest_counts(segment).reasons == {"low_variance": 1}
    assert ingest() == []


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


def test_a_held_source_is_released_by_another_largest_share(monkeypatch: pytest.MonkeyPatch) -> None:
    capture([*(intact(seed) for seed in range(84)), *(damaged("black", seed) for seed in range(36))], "supplier")
    ingest()
    assert opened().catalogue.counts().accepted == 0
    set_policy(monkeypatch, max_refused_share=0.4)
    ingest()
    assert opened().catalogue.counts().accepted == 84
    assert opened().catalogue.counts().per_reason == {"low_variance": 36}


def test_the_refused_share_of_a_second_judging_is_of_the_whole_source_not_of_what_was_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two in twenty open ones are still too flat; of 420 received they are no reason to hold the others."""
    flat = [damaged("black", seed) for seed in range(2)]
    set_policy(monkeypatch, min_variance=0.25, max_refused_share=0.9)
    capture([intact(seed) for seed in range(60)] + flat, "supplier")
    ingest()
    set_policy(monkeypatch, min_variance=0.003, max_refused_share=0.01)
    ingest()
    assert opened().catalogue.counts().per_reason == {"low_variance": 2}


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("digests.claim", "after"),
        ("quarantine.append", "before"),
        ("quarantine.append", "after"),
        ("ledger.record", "before"),
        ("catalogue.append", "before"),
        ("catalogue.append", "after"),
    ],
)
def test_a_second_judging_that_is_killed_and_run_again_ends_the_same(
    monkeypatch: pytest.MonkeyPatch, name: str, moment: str
) -> None:
    segment = strict_arrival(monkeypatch)
    set_policy(monkeypatch, min_variance=0.003)

    def kill(at: str, when: str) -> None:
        if (at, when) == (name, moment):
            raise Killed

    with faults.installed(kill), pytest.raises(Killed):
        ingest()
    ingest()

    catalogue = opened().catalogue
    rows = catalogue.read(["row", "digest"]).to_pylist()
    assert [row["row"] for row in rows] == list(range(20))
    assert [row["digest"] for row in rows] == [pixel_digest(product(seed)[None]) for seed in range(20)]
    assert catalogue.counts().per_reason == {"truncated": 1, "duplicate": 1}
    assert newest_counts(segment).model_dump(include={"received", "accepted", "quarantined"}) == {
        "received": 22, "accepted": 20, "quarantined": 2,
    }  # fmt: skip
    assert find_new_segments.fn(opened()) == []


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
