"""What another policy refused is judged again, once, wherever a process was killed; what came in stays."""

from __future__ import annotations

import pytest

from deploy.stores import faults
from tasks.ingest import find_new_segments
from tests.data_checks.pictures import product
from tests.tasks.arrivals import capture, damaged, ingest, intact
from tests.tasks.intake.policies import newest_counts, set_policy, strict_arrival
from tests.tasks.opened import opened
from vae_core.images.preprocessing import pixel_digest

pytestmark = pytest.mark.usefixtures("configure")


class Killed(BaseException):
    """What stands for the end of the process."""


def test_what_was_accepted_stays_accepted_under_a_stricter_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    segment = capture([*(intact(seed) for seed in range(20)), damaged("black")], "supplier")
    ingest()
    set_policy(monkeypatch, min_variance=0.25)
    assert ingest() == [segment]
    assert opened().catalogue.counts().accepted == 20
    assert newest_counts(segment).reasons == {"low_variance": 1}
    assert ingest() == []


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
