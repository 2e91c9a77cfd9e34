"""A sentence that is too long is cut between two words, and one sees it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from data_checks.shown_text import shorten


def test_a_sentence_ends_with_a_whole_word_and_a_mark() -> None:
    said = "candidate 0.012 against champion 0.009: recon_error_change 0.3 > limit 0.02"
    assert shorten(said, 41) == "candidate 0.012 against champion 0.009 …"
    assert shorten(said, 40) == "candidate 0.012 against champion …"
    assert shorten(said, len(said)) == said
    assert shorten("two\nlines", 20) == "two lines"
    assert shorten(f"ValueError: {'x' * 50}", 30) == f"ValueError: {'x' * 16} …"


@settings(max_examples=50)
@given(st.text(min_size=1, max_size=80), st.integers(3, 40))
def test_nothing_is_longer_than_the_room_and_nothing_short_is_changed(text: str, longest: int) -> None:
    line = " ".join(text.split())
    found = shorten(text, longest)
    assert len(found) <= longest
    assert (found == line) == (len(line) <= longest)
