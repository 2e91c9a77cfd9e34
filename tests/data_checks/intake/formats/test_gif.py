"""GIF files, read before a pixel is decoded."""

import struct

import numpy as np
import pytest
from PIL import Image

from data_checks.errors import ImageRefused
from data_checks.intake.formats.gif import read_gif_header
from data_checks.refusal import Refusal
from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused
from tests.data_checks.pictures import encode, product

GIF = encode(product(height=20, width=25), "GIF")
END = b"\x3b"


def screen(width: int = 25, height: int = 20) -> bytes:
    """The beginning of a file without a colour table."""
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0)


def picture(left: int = 0, top: int = 0, width: int = 25, height: int = 20) -> bytes:
    """A picture in one block of data."""
    return b"\x2c" + struct.pack("<HHHHB", left, top, width, height, 0) + b"\x08\x03\x00\x01\x02\x00"


def control(transparent: bool) -> bytes:
    return b"\x21\xf9\x04" + bytes([transparent, 0, 0, 0]) + b"\0"


COMMENT = b"\x21\xfe\x02hi\0"


def refusal_of(data: bytes) -> Refusal:
    with pytest.raises(ImageRefused) as caught:
        read_gif_header(data)
    assert "\n" not in caught.value.detail and "expected" in caught.value.detail
    return caught.value.refusal


@pytest.mark.parametrize("name", FOUND_BY["formats.gif"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)


def test_every_cut_is_found() -> None:
    assert {refusal_of(GIF[:length]) for length in range(6, len(GIF))} == {Refusal.truncated}


def test_the_size_is_that_of_the_screen_and_what_follows_the_end_is_left_out() -> None:
    read = read_gif_header(GIF + b"a film of the same")
    assert (read.width, read.height, read.bits, read.mode, read.several) == (25, 20, 8, "P", "")
    assert read.decodable == GIF


def test_a_moving_one_says_so_also_where_a_comment_stands_between_its_pictures() -> None:
    frames = [Image.fromarray(255 - product(height=20, width=25))]
    assert read_gif_header(encode(product(height=20, width=25), "GIF", save_all=True, append_images=frames)).several
    assert read_gif_header(screen() + picture() + COMMENT + picture() + END).several == "animated"


@pytest.mark.parametrize(
    ("blocks", "transparent"),
    [
        (picture(), False),
        (control(False) + picture(), False),
        (control(True) + picture(), True),
        (control(True) + COMMENT + picture(), True),
        (picture() + control(True), False),
        (picture(left=1, width=24), True),
        (picture(height=19), True),
    ],
    ids=["plain", "none", "a colour", "a colour, a comment", "behind the picture", "beside it", "below it"],
)
def test_it_is_transparent_by_a_colour_or_where_its_picture_leaves_the_screen_open(
    blocks: bytes, transparent: bool
) -> None:
    assert read_gif_header(screen() + blocks + END).transparent is transparent


def test_transparency_is_what_pillow_saved() -> None:
    two = np.indices((20, 25)).sum(0).astype(np.uint8) % 2
    assert read_gif_header(encode(two, "GIF", mode="P", transparency=1)).transparent


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (screen() + END, Refusal.truncated),
        (screen() + COMMENT + END, Refusal.truncated),
        (screen() + picture(), Refusal.truncated),
        (screen() + picture(width=26) + END, Refusal.not_an_image),
        (screen() + picture(top=1) + END, Refusal.not_an_image),
        (screen() + picture(height=0) + END, Refusal.not_an_image),
        (screen(0, 0) + picture(0, 0, 0, 0) + END, Refusal.not_an_image),
        (screen() + b"\x00" + picture() + END, Refusal.not_an_image),
        (screen() + COMMENT * 100_001 + picture() + END, Refusal.not_an_image),
    ],
    ids=[
        "no picture", "words alone", "no end", "too wide", "too low", "no height", "no screen", "no block", "flood",
    ],
)  # fmt: skip
def test_a_structure_that_no_decoder_should_see_is_refused(data: bytes, refusal: Refusal) -> None:
    assert refusal_of(data) is refusal
