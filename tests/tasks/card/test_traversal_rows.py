"""Rows on what the decoder does with each active unit: how many move pixels evenly, and which do not."""

from __future__ import annotations

import pytest

from tasks.card.rows import benchmark_table
from tasks.card.traversal_rows import traversal_rows
from tests.tasks.card.test_model_card import RESULT
from vae_core.evaluation.codes.traversal_score import TraversalScore

TRAVERSALS = TraversalScore(
    n=16,
    units=32,
    still_dims=(),
    jumping_dims=(),
    least_moved=0.01649,
    largest_step=3.268,
    pairs=16,
    still_pairs=(),
    jumping_pairs=(),
    largest_step_pair=2.342,
    floor=1 / 255,
    limit=5.0,
)


def _rows_of_traversals(**changes: object) -> list[str]:
    result = RESULT.model_copy(update={"traversals": TRAVERSALS.model_copy(update=changes)})
    rows = [line for line in benchmark_table("old-abc", result) if line]
    assert {line.count("|") for line in rows} == {5}, "a row of another width breaks the table"
    return [row for row in rows if "evenly" in row]


def test_traversals_and_interpolations_have_a_row_each_with_both_numbers() -> None:
    assert _rows_of_traversals() == [
        "| active units that move pixels, evenly (n = 16 codes) | 32 of 32; least moved 0.0165 (floor 0.0039); "
        "largest step 3.3 × mean (limit 5) | | higher |",
        "| interpolations that move pixels evenly (n = 16) | 16 of 16; largest step 2.3 × mean (limit 5) | | higher |",
    ]
    assert "evenly" not in "".join(benchmark_table("old-abc", RESULT)), "an older release did not measure it"
    assert traversal_rows(None) == []


def test_units_and_interpolations_that_fail_are_named_and_what_to_do_in_a_few_words() -> None:
    units, pairs = _rows_of_traversals(
        still_dims=(3, 17), jumping_dims=(9,), least_moved=0.0, largest_step=23.4,
        jumping_pairs=((0, 2_187), (312, 2_500)), largest_step_pair=6.04,
    )  # fmt: skip
    assert units == (
        "| active units that move pixels, evenly (n = 16 codes) | 29 of 32; least moved 0.0000 (floor 0.0039); "
        "largest step 23.4 × mean (limit 5); hardly moving: 3, 17; jumping: 9; look at the pictures before approving "
        "| | higher |"
    )
    assert pairs == (
        "| interpolations that move pixels evenly (n = 16) | 14 of 16; largest step 6.0 × mean (limit 5); "
        "jumping: images 0 to 2,187, 312 to 2,500; look at the pictures before approving | | higher |"
    )
    advice = (units + pairs).lower()
    assert "beta" not in advice and "latent" not in advice


@pytest.mark.parametrize(
    ("failing", "named"), [(8, "0, 1, 2, 3, 4, 5, 6, 7;"), (11, "0, 1, 2, 3, 4, 5, 6, 7 and 3 more;")]
)
def test_at_most_eight_are_named(failing: int, named: str) -> None:
    units, _ = _rows_of_traversals(still_dims=tuple(range(failing)))
    assert f"{32 - failing} of 32" in units and f"hardly moving: {named}" in units


def test_images_that_look_alike_are_no_fault_unless_every_code_gives_one_picture() -> None:
    _, pairs = _rows_of_traversals(still_pairs=((12, 100), (112, 0)))
    assert "| 14 of 14; 2 more look alike; largest step 2.3 × mean (limit 5) |" in pairs
    same = tuple((row, row + 1) for row in range(16))
    units, pairs = _rows_of_traversals(
        units=0, least_moved=None, largest_step=None, still_pairs=same, largest_step_pair=None
    )
    assert "| 0 of 0, none is active |" in units
    assert "| 0 of 16, every code gives one picture; look at the pictures before approving |" in pairs
