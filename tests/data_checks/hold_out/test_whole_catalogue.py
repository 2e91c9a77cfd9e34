"""Which images of a whole catalogue are held out, and by what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from data_checks.errors import SplitImpossible
from data_checks.hold_out.whole_catalogue import DAY_US, HoldOut, Images, Wanted, choose_hold_out
from data_checks.least_images import fewest_images
from data_checks.near_duplicates.fingerprint import Fingerprints, Looks, take_fingerprints
from tests.data_checks.near_duplicates.copies import pictures

DEFAULT = Wanted(images=5_000, share=0.2, salt="product")


def hold_out(
    count: int,
    *,
    wanted: Wanted = DEFAULT,
    sources: Sequence[str] = (),
    days: Sequence[int] = (),
    labels: Sequence[str] = (),
    prints: Fingerprints | None = None,
) -> HoldOut:
    """Of so many images from one folder that was copied in a minute, unless something else is said."""
    images = Images(
        digests=[f"{row:05d}" for row in range(count)],
        sources=sources or ["folder"] * count,
        captured_us=np.array(days or [0] * count, dtype=np.int64) * DAY_US + np.arange(count),
        labels=labels,
        fingerprints=lambda: take_fingerprints(pictures(count, size=12)) if prints is None else prints,
    )
    return choose_hold_out(images, wanted)


def random_prints(count: int, groups: Sequence[Sequence[int]] = ()) -> Fingerprints:
    """Images that do not resemble one another, but for those of a group, which are equal."""
    shape = np.random.default_rng(0).normal(size=(count, 24)).astype(np.float32)
    shape /= np.linalg.norm(shape, axis=1, keepdims=True)
    for group in groups:
        shape[list(group)] = shape[group[0]]
    level, none = np.full(count, 0.3, np.float32), np.zeros((count, 0), np.float16)
    looks = Looks(shape.astype(np.float16), level, level, none)
    return Fingerprints(looks, looks, 28)


def test_ten_sources_are_held_out_whole() -> None:
    sources = [f"shop-{row % 10}" for row in range(300)]
    found = hold_out(300, sources=sources)
    assert (found.how, len(found.rows), len(found.sources)) == ("sources", 60, 2)
    assert {sources[row] for row in found.rows} == set(found.sources)
    assert found.told == "60 of 300 images (20%) in 2 whole sources of 10"


def test_a_history_of_capture_is_held_out_by_whole_days() -> None:
    days = [row // 30 for row in range(300)]
    found = hold_out(300, days=days)
    held = {days[row] for row in found.rows}
    assert found.how == "days" and found.sources == () and len(held) == 2 and len(found.rows) == 60
    assert found.told == (
        "60 of 300 images (20%) of 2 whole days of capture among 10: of 1 source none can be held out whole"
    )


@pytest.mark.parametrize(
    ("days", "why"),
    [
        ([0] * 300, "100% of the times of capture are of one day, as a copy's are"),
        ([0] * 200 + list(range(100)), "67% of the times of capture are of one day, as a copy's are"),
        ([row % 3 for row in range(300)], "of 3 days of capture none can be held out whole"),
    ],
)
def test_the_times_of_a_copy_are_no_history(days: list[int], why: str) -> None:
    found = hold_out(300, days=days)
    assert found.how == "groups" and len(found.rows) == 60
    begun = "60 of 300 images (20%) in 60 groups of look-alikes: of 1 source none can be held out whole, "
    assert found.told == begun + why


def test_no_group_of_look_alikes_is_on_both_sides_and_groups_are_not_preferred_for_their_size() -> None:
    count, size = 3_000, 6
    groups = [list(range(begin, begin + size)) for begin in range(0, count // 2, size)]
    found = hold_out(count, prints=random_prints(count, groups))
    held = set(found.rows.tolist())
    assert len(held) == 600
    assert all(held.issuperset(group) or held.isdisjoint(group) for group in groups)
    of_groups = sum(row < count // 2 for row in held)
    # 300 expected of either half, whole groups: sd of the number of held groups is about 6.3, times 6
    assert abs(of_groups - 300) < 4 * 6 * np.sqrt(50 * 0.8)
    assert not len(found.of_cut_groups)


def test_a_group_above_the_cap_is_cut_by_time_and_said_so() -> None:
    count = 300
    found = hold_out(count, prints=random_prints(count, [list(range(100))]))
    held = found.rows[found.rows < 100]
    assert 0 < len(held) <= 30 and set(held.tolist()) == set(found.of_cut_groups.tolist())
    pieces = {row // 15 for row in held.tolist()}
    assert len(pieces) * 15 >= len(held), "neighbours in time stay together"
    assert "(1 of more than 15 images cut by time, so that like ones are on both sides)" in found.told


def test_every_label_has_its_share() -> None:
    labels = ["common"] * 700 + ["rare"] * 200 + ["rarest"] * 50 + [""] * 50
    found = hold_out(1_000, labels=labels, prints=random_prints(1_000))
    assert Counter(labels[row] for row in found.rows) == {"common": 140, "rare": 40, "rarest": 10, "": 10}
    assert "with its share of each of 4 labels" in found.told


def test_a_large_flat_folder_keeps_as_many_as_are_wanted_and_no_more() -> None:
    wanted = Wanted(images=500, share=0.2, salt="product")
    found = hold_out(6_000, wanted=wanted, prints=random_prints(6_000, [list(range(300))]))
    assert len(found.rows) == 500 and found.told.startswith("500 of 6,000 images (8%) in")


def test_the_choice_is_the_same_in_any_order_and_another_for_another_product() -> None:
    def choose(salt: str) -> list[int]:
        wanted = Wanted(images=5_000, share=0.2, salt=salt)
        return hold_out(300, wanted=wanted, prints=random_prints(300)).rows.tolist()

    assert choose("a") == choose("a") != choose("b")


@pytest.mark.parametrize(("share", "at_most", "fewest"), [(0.2, 5_000, 250), (0.4, 5_000, 332), (0.4, 60, 260)])
def test_the_fewest_images_are_both_measured_and_trained_on(share: float, at_most: int, fewest: int) -> None:
    assert fewest_images(share, at_most) == fewest
    wanted = Wanted(images=at_most, share=share, salt="")
    held = wanted.of(fewest)
    assert held >= 50 and fewest - held >= 200
    with pytest.raises(
        SplitImpossible, match=rf"^{fewest - 1} images .* at least {fewest}, .*evaluation.holdout_share"
    ):
        wanted.of(fewest - 1)
