"""The contact sheet: each picture as it came and as a model sees it, and in red what would be refused."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentloop.init.looking.contact_sheet import Pair, draw_sheet, write_sheet
from tests.latentloop.init.looks import PHOTOGRAPH

RED, BLUE, GREEN = (190, 30, 30), (0, 0, 255), (0, 255, 0)


def pair(refusal: str = "", path: str = "a.jpg") -> Pair:
    """A picture that is blue as it came and green as a model sees it, in two colours that the sheet itself has not."""
    came = io.BytesIO()
    Image.new("RGB", (64, 48), BLUE).save(came, "PNG")
    seen = np.broadcast_to(np.array(GREEN, np.uint8)[:, None, None], (3, 8, 8))
    return Pair(replace(PHOTOGRAPH, path=path), came.getvalue(), np.ascontiguousarray(seen), ("resized",), refusal)


def drawn(*pairs: Pair) -> np.ndarray:
    with Image.open(io.BytesIO(draw_sheet("a title", pairs))) as sheet:
        assert sheet.format == "PNG"
        return np.asarray(sheet.convert("RGB"))


def places(sheet: np.ndarray, colour: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of all pixels of exactly this colour."""
    return np.nonzero((sheet == np.array(colour, np.uint8)).all(axis=-1))


def test_left_is_the_picture_as_it_came_and_right_as_a_model_sees_it() -> None:
    sheet = drawn(pair())
    _, came = places(sheet, BLUE)
    rows, seen = places(sheet, GREEN)

    assert came.max() < seen.min()
    # 112 pixels wide: a picture of 64 x 48 whole, one of 8 x 8 with its pixels as squares
    assert (np.ptp(came) + 1, np.ptp(seen) + 1, np.ptp(rows) + 1) == (112, 112, 112)
    assert len(places(sheet, BLUE)[0]) == 112 * 84, "nothing is cut off and nothing is distorted"


@pytest.mark.parametrize(("refusal", "marked"), [("refused, variance 0.001", True), ("", False)])
def test_what_the_thresholds_would_refuse_is_outlined_in_red(refusal: str, marked: bool) -> None:
    assert bool(len(places(drawn(pair(refusal)), RED)[0])) is marked


def test_every_pair_has_a_place_of_its_own_five_in_a_row() -> None:
    sizes = [drawn(*[pair()] * count).shape[:2] for count in (1, 5, 6, 10, 11)]
    heights = [height for height, _ in sizes]

    assert heights[0] == heights[1] < heights[2] == heights[3] < heights[4]
    assert sizes[1][1] == sizes[4][1]
    greens = [len(places(drawn(*[pair()] * count), GREEN)[0]) for count in (1, 7)]
    assert greens[1] == 7 * greens[0], "none covers another"


def test_a_long_name_and_one_of_two_lines_stay_within_their_pair() -> None:
    beside, long = drawn(pair(), pair()), drawn(pair(path="a very long name/" * 30 + "\n.png"), pair())

    wide = 2 * 112 + 3 * 10  # of one pair: what is right of it is as it was
    assert np.array_equal(beside[:, wide:], long[:, wide:])
    assert beside.shape == long.shape


def test_the_sheet_replaces_an_older_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for content in (b"older", b"newer"):
        write_sheet(tmp_path / "sheet.png", content)
    assert (tmp_path / "sheet.png").read_bytes() == b"newer"

    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        write_sheet(tmp_path / "taken", b"newest")
    assert sorted(os.listdir(tmp_path)) == ["sheet.png", "taken"]
