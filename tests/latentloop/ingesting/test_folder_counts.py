"""Every file that was found is in the sum, and the sentence says what to do."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from deploy.record.intake import IngestCounts
from latentloop.ingesting.folder_counts import FolderCounts, sum_counts
from latentloop.ingesting.words import say_counts
from latentloop.sources.packing import Packed
from latentloop.sources.tally import Left, Tally

JUDGED_AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def tally(**more: int) -> Tally:
    found = Tally()
    for ending, number in more.items():
        for each in range(number):
            found.ignore(f"{each}.{ending}")
    return found


def judged(received: int, converted: int = 0, held: str = "", **reasons: int) -> IngestCounts:
    refused = sum(reasons.values())
    return IngestCounts(
        segments=1, received=received, accepted=received - converted - refused, converted=converted,
        quarantined=refused, reasons=reasons, held=held,
    )  # fmt: skip


def counts(
    *of: IngestCounts, found: Tally | None = None, images: int | None = None, known: bool = False
) -> FolderCounts:
    number = sum(each.received for each in of) if images is None else images
    return sum_counts(Packed(found or Tally(), Counter(segment=number)), of, known, JUDGED_AT)


def test_received_is_accepted_and_converted_and_refused_and_ignored() -> None:
    found = tally(csv=1, db=2)
    found.refuse_size("a\nb.png", 10**9)
    result = counts(judged(1_000, 80, low_variance=3), judged(203, not_an_image=20), found=found)

    assert (result.accepted, result.converted, result.refused, result.ignored) == (1_100, 80, 24, 3)
    assert result.received == result.accepted + result.converted + result.refused + result.ignored == 1_207
    assert say_counts(result, "UTC") == [
        "1,180 taken in (80 converted, 1,100 as they were), 24 refused, 3 ignored (.db 2, .csv 1), of 1,207 received",
        "refused: not_an_image 20, low_variance 3, too_many_bytes 1",
        "too large to be read (too_many_bytes): a\\nb.png (1,000,000,000 bytes)",
        "look at them: `latentloop quarantine list` shows each with its reason and the remedy",
    ]


def test_a_folder_without_fault_is_one_line() -> None:
    assert say_counts(counts(judged(10)), "UTC") == [
        "10 taken in (10 as they were), 0 refused, 0 ignored, of 10 received"
    ]


def test_a_folder_of_which_all_was_converted_is_taken_in_all_the_same() -> None:
    (line,) = say_counts(counts(judged(1_600, 1_600)), "UTC")
    assert line == "1,600 taken in (1,600 converted), 0 refused, 0 ignored, of 1,600 received"


def test_known_images_that_brought_a_label_are_neither_refused_nor_lost() -> None:
    result = counts(judged(10, labelled=7, label_differs=2, duplicate=1))

    assert (result.labelled, result.refused, result.mostly_refused) == (7, 3, False)
    assert result.received == result.accepted + result.converted + result.labelled + result.refused + result.ignored
    lines = say_counts(result, "UTC")
    assert lines[0] == "0 taken in, 7 labelled, 3 refused, 0 ignored, of 10 received"
    assert "labelled: 7 images of the catalogue had no label, and have one now" in lines
    assert "2 images have another label in the catalogue: a label is never changed silently" in lines


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


@pytest.mark.parametrize(
    ("of", "ignored", "mostly"),
    [
        (judged(10, low_variance=5), 0, False),
        (judged(10, low_variance=6), 0, True),
        (judged(10, low_variance=6), 10, True),
        (judged(10, duplicate=9), 0, False),
        (judged(10, duplicate=4, truncated=6), 0, True),
    ],
    ids=["half", "more than half", "ignored files are no images", "in the catalogue already", "duplicates beside"],
)
def test_more_than_half_of_what_could_be_an_image_refused_is_an_exit_code(
    of: IngestCounts, ignored: int, mostly: bool
) -> None:
    assert counts(of, found=tally(txt=ignored)).mostly_refused is mostly
