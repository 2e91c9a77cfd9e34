"""Of a card that is too long for MLflow whole parts are left out, the first screen last; a link leads to them."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from data_checks.verdict import Phase
from tasks.card.cut import cut_card
from tests.tasks.card.test_model_card import _card
from tests.tasks.test_card_beside import _card_of

WHOLE = "/#/experiments/1/runs/0123456789abcdef0123456789abcdef/artifacts/card.md"
LINK = re.compile(r"Left out here, for length: (\d+) of (\d+) parts\. \[The whole card\]\((.*)\) lies among .*\.$")


def tables(card: str) -> list[str]:
    return [block for block in card.split("\n\n") if block.startswith("|")]


def pictures(card: str) -> list[str]:
    return re.findall(r"!\[[^\]]*\]\([^)]*\)", card)


def test_a_card_that_fits_is_the_card() -> None:
    card = _card()
    assert cut_card(card, WHOLE, limit=len(card)) == card


def test_the_card_of_an_emergency_keeps_its_first_screen_and_all_pictures() -> None:
    card = _card_of("emergency")
    limit = len(card) - 400
    cut = cut_card(card, WHOLE, limit=limit)
    assert len(cut) <= limit
    head = card[: card.index(tables(card)[0]) + len(tables(card)[0])]
    assert cut.startswith(head)
    assert pictures(cut) == pictures(card) != []
    found = LINK.search(cut)
    assert found is not None and found[3] == WHOLE
    assert int(found[1]) >= 1
    for table in tables(cut):
        assert table in tables(card)


@given(limit=st.integers(260, 6_000))
def test_whatever_the_limit_nothing_is_cut_inside_a_part_and_the_order_stays(limit: int) -> None:
    card = _card_of("emergency")
    cut = cut_card(card, WHOLE, limit=limit)
    assert len(cut) <= limit or limit >= len(card)
    parts = cut.split("\n\n") if LINK.search(cut) is None else cut.split("\n\n")[:-1]
    whole = iter(card.split("\n\n"))
    assert all(part in whole for part in parts)  # each one whole, in the order of the card
    for caption, picture in zip(parts, parts[1:], strict=False):
        if picture.startswith("!["):
            assert caption.startswith("**")


def test_a_table_further_down_is_given_up_before_a_picture() -> None:
    card = _card_of("emergency")
    cut = cut_card(card, WHOLE, limit=len(card) - len(tables(card)[-1]) + 200)  # the link takes some, too
    assert tables(cut) == tables(card)[:-1]
    assert pictures(cut) == pictures(card)


def test_of_the_pictures_as_many_are_kept_as_fit_the_first_before_the_others() -> None:
    card = _card(Phase.passed)
    kept = pictures(cut_card(card, WHOLE, limit=2_000))
    assert kept == [each for each in pictures(card) if each in kept]
    assert kept[:3] == pictures(card)[:3] and len(kept) < len(pictures(card))


def test_a_first_screen_that_is_too_long_by_itself_gives_up_what_does_not_fit() -> None:
    card = "## Passed\n\n" + "a sentence. " * 600 + "\n\n| a |\n|---|\n| 1 |"
    cut = cut_card(card, WHOLE, limit=5_000)
    assert cut.split("\n\n")[:2] == ["## Passed", "| a |\n|---|\n| 1 |"]
    assert LINK.search(cut)
