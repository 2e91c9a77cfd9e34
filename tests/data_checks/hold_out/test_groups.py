"""A hold-out in groups of look-alikes: none is on both sides, and every label has its share."""

from __future__ import annotations

from collections import Counter

import numpy as np

from data_checks.hold_out.groups import choose_groups
from data_checks.hold_out.whole_catalogue import Wanted
from tests.data_checks.hold_out.catalogues import hold_out, random_prints


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


def test_the_choice_is_the_same_in_any_order_and_another_for_another_product() -> None:
    def choose(salt: str) -> list[int]:
        wanted = Wanted(images=5_000, share=0.2, salt=salt)
        return hold_out(300, wanted=wanted, prints=random_prints(300)).rows.tolist()

    def held(digests: list[str]) -> set[str]:
        times = np.zeros(300, np.int64)
        rows = choose_groups(random_prints(300), times, digests, [""] * 300, wanted=60, salt="a").rows
        return {digests[row] for row in rows}

    assert choose("a") == choose("a") != choose("b")
    names = [f"{row:05d}" for row in range(300)]
    assert held(names) == held(names[::-1])
