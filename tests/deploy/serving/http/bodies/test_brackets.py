"""The shape of nested arrays is read from brackets and commas, wherever the text is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deploy.serving.errors import Problem
from deploy.serving.http.bodies.brackets import Brackets


@given(text=st.text("[],1. ", max_size=30).map(str.encode), size=st.integers(1, 5))
def test_where_the_pieces_are_cut_changes_nothing(text: bytes, size: int) -> None:
    def shape(cut: int) -> tuple[int, ...] | None:
        brackets = Brackets()
        try:
            for start in range(0, len(text), cut):
                brackets.read(text[start : start + cut])
            return brackets.shape()
        except Problem:
            return None

    assert shape(size) == shape(max(1, len(text)))
