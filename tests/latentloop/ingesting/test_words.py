"""What ingest says at its end: one sentence with every file in it, what is held and why, and what to do."""

from __future__ import annotations

from latentloop.ingesting.words import say_counts
from latentloop.sources.tally import Left, Tally
from tests.latentloop.ingesting.counted import counts, judged


def test_a_folder_without_fault_is_one_line() -> None:
    assert say_counts(counts(judged(10)), "UTC") == [
        "10 taken in (10 as they were), 0 refused, 0 ignored, of 10 received"
    ]


def test_a_folder_of_which_all_was_converted_is_taken_in_all_the_same() -> None:
    (line,) = say_counts(counts(judged(1_600, 1_600)), "UTC")
    assert line == "1,600 taken in (1,600 converted), 0 refused, 0 ignored, of 1,600 received"


def test_what_was_left_out_is_named_beside_the_sum() -> None:
    found = Tally()
    for name in "abcde":
        found.leave_out(Left.hidden, f".{name}")
    found.leave_out(Left.unreadable, "x.png", "Permission denied")

    assert say_counts(counts(judged(1), found=found), "UTC")[1] == (
        "left out: 5 hidden (.a, .b, .c and 2 more); 1 unreadable (x.png (Permission denied))"
    )


def test_each_hold_is_said_once_with_its_reason() -> None:
    why = "shop-a (files): 30 of 100 were refused for low_variance (30 %, surely at least 17 %), `input_policy.max_…"
    result = counts(judged(100, held=why, batch_held=70, low_variance=30), judged(50, held=why, batch_held=50))

    said = say_counts(result, "UTC")
    assert said[0] == "0 taken in, 30 refused, 120 held, 0 ignored, of 150 received"
    assert said.count(f"  {why}") == 1
    assert "refused: low_variance 30" in said
    assert result.mostly_refused


def test_batches_beyond_five_are_counted_and_a_table_that_is_wrong_names_no_share() -> None:
    many = [judged(9, held=f"shop-{number}: `input_policy.max_refused_share`", batch_held=9) for number in range(7)]
    lines = say_counts(counts(*many), "UTC")
    assert "  shop-4: `input_policy.max_refused_share`" in lines and "  and 2 more batches" in lines

    lines = say_counts(counts(judged(9, held="ExpectTable: expected 3, came 2", batch_held=9)), "UTC")
    assert lines[1:4] == [
        "held: 9 good pictures wait in quarantine and nothing is lost: the table of this batch is wrong as a whole",
        "  ExpectTable: expected 3, came 2",
        '  `latentloop quarantine release batch_held --reason "why they are good"` takes them in, on record',
    ]
    assert not any("max_refused_share" in line for line in lines)


def test_what_was_ingested_before_is_not_told_as_fresh() -> None:
    lines = say_counts(counts(judged(10), known=True, images=8), "UTC")

    assert lines[1:] == [
        "already ingested with these settings on 2026-03-01 12:30:00 UTC: nothing was judged anew",
        "2 of them are no longer there, or not as they were when they were ingested",
    ]
