"""What was found and not packed: everything is counted, the first few are named, and each name is one line."""

from __future__ import annotations

import pytest

from latentloop.sources.tally import Left, Named, Tally


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, ""), (1, "0.png"), (3, "0.png, 1.png, 2.png"), (4, "0.png, 1.png, 2.png and 1 more"),
     (5_003, "0.png, 1.png, 2.png and 5,000 more")],
)  # fmt: skip
def test_all_are_counted_and_the_first_three_are_named(count: int, shown: str) -> None:
    named = Named()
    for number in range(count):
        named = named.with_another(f"{number}.png")

    assert (named.count, str(named)) == (count, shown)


def test_each_reason_counts_for_itself_and_says_what_is_known() -> None:
    tally = Tally()
    tally.leave_out(Left.hidden, ".a")
    tally.leave_out(Left.unreadable, "x.png", "Input/output error")
    tally.leave_out(Left.hidden, ".b")
    tally.refuse_size("huge.png", 2**30)

    assert {why: str(named) for why, named in tally.left_out.items()} == {
        Left.hidden: ".a, .b",
        Left.unreadable: "x.png (Input/output error)",
    }
    assert str(tally.too_large) == "huge.png (1,073,741,824 bytes)"


def test_a_name_of_two_lines_is_told_in_one() -> None:
    tally = Tally()
    tally.leave_out(Left.link, "a\nb")
    tally.refuse_size("c\nd.png", 9)

    assert (str(tally.left_out[Left.link]), str(tally.too_large)) == ("a\\nb", "c\\nd.png (9 bytes)")


def test_what_is_no_image_is_counted_by_its_ending() -> None:
    tally = Tally()
    for path in ("a.csv", "b/c.CSV", "d.txt"):
        tally.ignore(path)

    assert tally.ignored == {".csv": 2, ".txt": 1}
