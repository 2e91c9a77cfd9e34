"""Before a stretch is learnt: no fault of the sensor, and as a whole only where codes and errors left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data_checks.kinds.new_kind import NewKind, NewKindPolicy, find_new_kind
from data_checks.sample import Sample
from tasks.dataset.stretch import judge_whole, left_without, refuse_fault, take_whole
from tasks.errors import DataRefused, NotEnoughData
from tests.data_checks.drift.test_found_images import faulty, reference, season
from tests.data_checks.drift.traffic import Source, concatenate
from tests.tasks.opened import opened

pytestmark = pytest.mark.usefixtures("configure")

SOURCE = Source(1)
REFERENCE = SOURCE.draw(3_000, np.random.default_rng(100))


def _draw(n: int = 2_000, **drift: float) -> Sample:
    return SOURCE.draw(n, np.random.default_rng(5), **drift)


@pytest.mark.parametrize("moved", [0.3, 0.8])
def test_a_window_whose_codes_and_errors_left_takes_the_place_of_a_new_kind(moved: float) -> None:
    window = _draw(new_share=moved)
    found = judge_whole(opened(), window, 2_000, REFERENCE)
    assert found.is_whole_window and (found.n, found.share) == (2_000, 1.0)
    assert 0.1 < found.purity == found.share_low <= moved + 0.03, "a lower bound, but for the noise of a KS distance"
    assert found.error_ratio == pytest.approx(window.recon_error.mean() / REFERENCE.recon_error.mean())


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (_draw(), "none: within the limits"),
        (_draw(error_factor=1.25), "incremental: decoder-side"),
        (_draw(new_share=0.3, error_factor=0.5), "none: changed mix of known kinds"),
        (_draw(new_share=0.3, brightness=2.0), "block: the images of the whole traffic moved"),
        (_draw(n=400, new_share=0.3), "cannot_judge: latent_code: cannot judge: 400 distinct images"),
    ],
)
def test_any_other_window_is_refused_in_one_line_with_what_triage_says_of_it(window: Sample, said: str) -> None:
    expected = rf"^0 images of a new kind among the newest {len(window):,} .*: expected at least 589, .*as a whole .*: "
    with pytest.raises(NotEnoughData, match=f"{expected}{said}.*; capture more traffic first, or run"):
        judge_whole(opened(), window, len(window), REFERENCE)


def test_only_the_newest_images_are_judged() -> None:
    before, since = _draw(n=2_000), _draw(n=2_000, new_share=0.3)
    assert judge_whole(opened(), concatenate(before, since), 2_000, REFERENCE) == judge_whole(
        opened(), since, 2_000, REFERENCE
    )
    with pytest.raises(NotEnoughData, match="and the newest 2,000 as a whole are no emergency"):
        judge_whole(opened(), concatenate(since, before), 2_000, REFERENCE)


def test_more_are_taken_where_more_of_them_are_new() -> None:
    steady = _draw(n=4_000, new_share=0.3)
    size, found = take_whole(opened(), steady, 1_000, REFERENCE)
    assert size == found.n == 4_000, "a quarter of them would have a quarter of the new kind"

    began = concatenate(_draw(n=3_000), _draw(n=1_000, new_share=0.8))
    size, found = take_whole(opened(), began, 1_000, REFERENCE)
    assert size == found.n == 1_000 and found == judge_whole(opened(), began, 1_000, REFERENCE)
    with pytest.raises(NotEnoughData, match="as a whole are no emergency"):
        take_whole(opened(), _draw(), 1_000, REFERENCE)


def _find(window: Sample, known: Sample) -> NewKind:
    kind = find_new_kind(window, known, NewKindPolicy(), seed=0)
    assert kind is not None
    return kind


def test_a_new_kind_is_let_through_and_a_fault_of_images_of_every_kind_is_refused() -> None:
    known, new, fault = reference(), season(0.25, 1)[0], faulty(0.25, 1)[0]
    refuse_fault(opened(), new, _find(new, known), known)
    with pytest.raises(DataRefused, match=r"^emergency: the newest 2,000 images .*: images of every kind are altered"):
        refuse_fault(opened(), fault, _find(fault, known), known)


def test_a_few_risen_clusters_do_not_hide_that_all_images_moved() -> None:
    new = _draw(new_share=0.3)
    assert not left_without(opened(), new, _find(new, REFERENCE), REFERENCE), "the new kind is all that moved"

    moved = _draw(new_share=0.8)
    few = _find(moved, REFERENCE)
    few = replace(few, indices=few.indices[:200])
    assert left_without(opened(), moved, few, REFERENCE)
    assert judge_whole(opened(), moved, 2_000, REFERENCE, len(few.indices)).is_whole_window


def test_who_asks_by_hand_overrules_a_block_and_never_what_shows_nothing() -> None:
    moved = _draw(new_share=0.3, brightness=2.0)
    with pytest.raises(NotEnoughData, match="block"):
        judge_whole(opened(), moved, 2_000, REFERENCE)
    assert judge_whole(opened(), moved, 2_000, REFERENCE, trusted=True).is_whole_window
    with pytest.raises(NotEnoughData, match="none: within the limits"):
        judge_whole(opened(), _draw(), 2_000, REFERENCE, trusted=True)
