"""Every file that was found is in the sum, and the sentence says what to do."""

from __future__ import annotations

import pytest

from deploy.record.intake import IngestCounts
from latentloop.ingesting.words import say_counts
from tests.latentloop.ingesting.counted import counts, judged, tally


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


def test_known_images_that_brought_a_label_are_neither_refused_nor_lost() -> None:
    result = counts(judged(10, labelled=7, label_differs=2, duplicate=1))

    assert (result.labelled, result.refused, result.mostly_refused) == (7, 3, False)
    assert result.received == result.accepted + result.converted + result.labelled + result.refused + result.ignored
    lines = say_counts(result, "UTC")
    assert lines[0] == "0 taken in, 7 labelled, 3 refused, 0 ignored, of 10 received"
    assert "labelled: 7 images of the catalogue had no label, and have one now" in lines
    assert "2 images have another label in the catalogue: a label is never changed silently" in lines


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
