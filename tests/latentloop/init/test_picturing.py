"""Which pictures a person sees before she trusts the settings: the doubtful ones first."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentloop.init.deciding import convert_sample
from latentloop.init.looking.contact_sheet import PAIRS_AT_MOST
from latentloop.init.looking.looked import look
from latentloop.init.picturing import IN_DOUBT_AT_MOST, draw
from latentloop.init.proposing.form import Size
from latentloop.init.proposing.proposal import Form
from latentloop.init.proposing.reasoned import Reasoned
from latentloop.sources.folder import FolderSource

FORM = Form(
    Reasoned(3, ""), Reasoned(Size(16, 16), ""), Reasoned("refuse", ""), Reasoned("#ffffff", ""),
    Reasoned("#ffffff", ""),
)  # fmt: skip
WIDE, HIGH, TOP, ACROSS = 2 * 112 + 3 * 10, 112 + 30 + 2 * 10, 44, 5


def checked(strength: int) -> Image.Image:
    """A chessboard in two greys that are so far apart: its variance is (strength / 255)^2 / 4."""
    board = 200 - np.indices((16, 16)).sum(axis=0) % 2 * strength
    return Image.fromarray(np.stack([board] * 3, axis=-1).astype(np.uint8))


@pytest.mark.parametrize("count", [12, PAIRS_AT_MOST + 20])
def test_the_flattest_come_first_those_that_would_be_refused_are_red_and_there_is_an_end(
    count: int, tmp_path: Path
) -> None:
    # names in the opposite order of the contrast: the order is not that of the folder
    for number in range(count):
        checked(40 + 2 * number).save(tmp_path / f"{count - number:03}.png")
    looked = look(FolderSource(tmp_path), print)
    converted = convert_sample(looked, FORM)
    third_flattest = float(np.sort(converted.variance)[2])

    with Image.open(io.BytesIO(draw(looked, converted, FORM, np.nextafter(third_flattest, 1)))) as png:
        sheet = np.asarray(png.convert("RGB")).astype(int)

    shown = min(count, PAIRS_AT_MOST)
    boxes = [sheet[TOP + at // ACROSS * HIGH :, at % ACROSS * WIDE :][:HIGH, :WIDE] for at in range(shown)]
    red = [bool((box == (190, 30, 30)).all(axis=-1).any()) for box in boxes]
    assert red == [True] * 3 + [False] * (shown - 3)
    contrast = [np.ptp(box[12:100, 140:230, 2]) for box in boxes]
    assert contrast[:IN_DOUBT_AT_MOST] == [40 + 2 * number for number in range(IN_DOUBT_AT_MOST)]
    assert len(set(contrast)) == shown, "no picture is shown twice"
    assert len(sheet) == TOP + -(-shown // ACROSS) * HIGH, "no row for more"
