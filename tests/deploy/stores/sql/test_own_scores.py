"""What only some families of models score, packed into one column that says by itself what it holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deploy.stores.errors import StoreCorrupt
from deploy.stores.sql.own_scores import LARGEST_INDEX, pack_own, unpack_own

NAMES = st.from_regex(r"[a-z][a-z_0-9]{0,15}", fullmatch=True)
NUMBERS = st.floats(allow_nan=False, allow_infinity=True)
VECTORS = hnp.arrays(np.float16, st.integers(1, 9), elements=st.floats(-100, 100, width=16))
GRIDS = hnp.arrays(
    np.int32, hnp.array_shapes(min_dims=1, max_dims=2, max_side=4), elements=st.integers(0, LARGEST_INDEX)
)


@given(st.dictionaries(NAMES, NUMBERS | VECTORS | GRIDS, min_size=1, max_size=5), st.integers(1, 4))
def test_whatever_a_family_declares_comes_back_as_it_was(own, images) -> None:
    columns = unpack_own([pack_own(own)] * images)
    assert list(columns) == list(own)
    for name, value in own.items():
        assert columns[name].shape == (images, *((np.size(value),) if np.ndim(value) else ()))
        np.testing.assert_array_equal(columns[name], np.stack([np.ravel(value)] * images).reshape(columns[name].shape))
    assert {each.dtype.str[1:] for each in columns.values()} <= {"f8", "f2", "i4"}


def test_a_row_says_what_it_holds() -> None:
    row = pack_own({"logvar": np.zeros(3, np.float32), "kl": 1.0})
    assert row is not None and row.startswith(b"logvar=f2*3 kl=f8\n") and len(row.partition(b"\n")[2]) == 3 * 2 + 8


def test_an_image_without_any_is_missing_among_the_others() -> None:
    columns = unpack_own([None, pack_own({"codes": np.array([[1, 2]]), "spread": 0.5, "shape": np.ones(2)})])
    assert columns["codes"].tolist() == [[-1, -1], [1, 2]]
    assert np.isnan(columns["spread"]).tolist() == [True, False] and np.isnan(columns["shape"][0]).all()
    assert pack_own({}) is None and unpack_own([None, None]) == {} == unpack_own([])


@pytest.mark.parametrize("index", [-1, LARGEST_INDEX + 1])
def test_an_index_that_does_not_fit_is_refused_before_it_is_written(index: int) -> None:
    with pytest.raises(ValueError, match=f"expected codes of 0 to 65535, came .*{index}"):
        pack_own({"codes": np.array([3, index])})


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            [b"kl=f8\n" + bytes(8), b"kl=f8 spread=f8\n" + bytes(16)],
            "scores of one model, found b'kl=f8 spread=f8' and",
        ),
        ([b"kl=f8\n" + bytes(7)], "expected rows of 8 bytes"),
        ([b"kl=f4\n" + bytes(4)], "expected NAME=f8, f2.N or u2.N, found 'kl=f4'"),
        ([b"=f8\n" + bytes(8)], "found '=f8'"),
        ([b"kl=f8*x\n" + bytes(8)], "found"),
        ([b"nothing of this kind"], "found 'nothing'"),
    ],
)
def test_rows_that_cannot_be_read_are_said(rows: list[bytes], words: str) -> None:
    with pytest.raises(StoreCorrupt, match=words):
        unpack_own(rows)
