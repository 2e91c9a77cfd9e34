"""BMP files, read before a pixel is decoded."""

import struct

import pytest

from data_checks.errors import ImageRefused
from data_checks.intake.formats.bmp import read_bmp_header
from data_checks.refusal import Refusal
from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused
from tests.data_checks.pictures import encode, product

BMP = encode(product(height=20, width=25), "BMP", mode="RGB")


def patched(*changes: tuple[int, str, int]) -> bytes:
    """The file with other numbers at some bytes, each as `struct` packs it."""
    data = bytearray(BMP)
    for place, kind, value in changes:
        struct.pack_into(kind, data, place, value)
    return bytes(data)


def core(width: int, height: int) -> bytes:
    """A file of OS/2, whose header has 12 bytes, with 24 bits a pixel."""
    row = (width * 3 + 3) // 4 * 4
    head = b"BM" + struct.pack("<IIIIHHHH", 26 + row * height, 0, 26, 12, width, height, 1, 24)
    return head + bytes(row * height)


def refusal_of(data: bytes) -> Refusal:
    with pytest.raises(ImageRefused) as caught:
        read_bmp_header(data)
    assert "\n" not in caught.value.detail and "expected" in caught.value.detail
    return caught.value.refusal


@pytest.mark.parametrize("name", FOUND_BY["formats.bmp"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)


def test_every_cut_is_found() -> None:
    # an uncompressed picture: one row less is as well formed as the whole
    assert {refusal_of(BMP[:length]) for length in range(54, len(BMP))} == {Refusal.truncated}
    assert {refusal_of(BMP[:length]) for length in range(2, 26)} == {Refusal.truncated}
    assert {refusal_of(BMP[:length]) for length in range(26, 54)} == {Refusal.not_an_image}


@pytest.mark.parametrize(("mode", "came"), [("RGB", "RGB"), ("L", "P"), ("P", "P"), ("1", "P")])
def test_size_and_mode_are_those_that_were_saved(mode: str, came: str) -> None:
    read = read_bmp_header(encode(product(height=20, width=25), "BMP", mode=mode))
    assert (read.width, read.height, read.bits, read.mode, read.transparent) == (25, 20, 8, came, False)


@pytest.mark.parametrize(("coding", "transparent"), [(0, False), (3, True)], ids=["plain", "by masks"])
def test_a_fourth_byte_is_an_alpha_channel_only_where_masks_say_what_it_is(coding: int, transparent: bool) -> None:
    head = b"BM" + struct.pack("<IIIIiiHHI", 0, 0, 66, 40, 2, 2, 1, 32, coding)
    assert read_bmp_header(head + bytes(66 - len(head) + 2 * 2 * 4)).transparent is transparent


def test_rows_from_the_top_down_and_the_header_of_os2_are_read() -> None:
    down = read_bmp_header(patched((22, "<i", -20)))
    assert (down.width, down.height) == (25, 20)
    old = read_bmp_header(core(25, 20))
    assert (old.width, old.height, old.mode) == (25, 20, "RGB")


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (patched((14, "<I", 41)), Refusal.not_an_image),
        (patched((18, "<i", 0)), Refusal.not_an_image),
        (patched((18, "<i", -25)), Refusal.not_an_image),
        (patched((22, "<i", 0)), Refusal.not_an_image),
        (patched((26, "<H", 2)), Refusal.not_an_image),
        (patched((28, "<H", 2)), Refusal.not_an_image),
        (patched((30, "<I", 4)), Refusal.wrong_mode),
        (patched((10, "<I", 53)), Refusal.truncated),
        (patched((18, "<i", 2**31 - 1), (22, "<i", -(2**31))), Refusal.truncated),
    ],
    ids=[
        "header of 41 bytes", "no width", "negative width", "no height", "two planes", "2 bits", "a JPEG inside",
        "pixels within the header", "huge",
    ],
)  # fmt: skip
def test_a_structure_that_no_decoder_should_see_is_refused(data: bytes, refusal: Refusal) -> None:
    assert refusal_of(data) is refusal
