"""The columns that only some families have: taken by name, row by row, and joined."""

import numpy as np
import pytest

from vae_core.errors import DataError
from vae_core.families.columns import join_rows, numbers_in, take_column, take_rows

OWN = {"codes": np.arange(12).reshape(3, 2, 2), "code_distance": np.array([0.5, 1.5, 2.5])}


def test_a_column_is_taken_by_its_name() -> None:
    assert take_column(OWN, "codes", "scores") is OWN["codes"]


def test_a_column_that_the_family_has_not_is_refused_with_what_it_has() -> None:
    with pytest.raises(DataError, match=r"scores: expected kl beside \['code_distance', 'codes'\], came none"):
        take_column(OWN, "kl", "scores")


def test_numbers_are_those_of_one_an_image() -> None:
    assert numbers_in(OWN) == ("code_distance",) and numbers_in({}) == ()


def test_parts_of_a_table_join_to_it() -> None:
    joined = join_rows([take_rows(OWN, slice(0, 1)), take_rows(OWN, np.array([1, 2]))])
    assert list(joined) == list(OWN)
    for name, column in OWN.items():
        np.testing.assert_array_equal(joined[name], column)
