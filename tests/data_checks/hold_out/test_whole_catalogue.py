"""Which images of a whole catalogue are held out, and by what."""

from __future__ import annotations

import pytest

from data_checks.hold_out.whole_catalogue import Wanted
from tests.data_checks.hold_out.catalogues import hold_out, random_prints


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


def test_a_large_flat_folder_keeps_as_many_as_are_wanted_and_no_more() -> None:
    wanted = Wanted(images=500, share=0.2, salt="product")
    found = hold_out(6_000, wanted=wanted, prints=random_prints(6_000, [list(range(300))]))
    assert len(found.rows) == 500 and found.told.startswith("500 of 6,000 images (8%) in")
