"""Which of many images a dear measure takes."""

import pytest

from vae_core.evaluation.effort import thin_rows


@pytest.mark.parametrize(("n", "most", "rows"), [(5, 9, [0, 1, 2, 3, 4]), (9, 3, [0, 3, 6]), (10, 4, [0, 2, 5, 7])])
def test_rows_are_thinned_evenly(n: int, most: int, rows: list[int]) -> None:
    assert thin_rows(n, most).tolist() == rows
