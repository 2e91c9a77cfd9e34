"""TIFF files, read before a pixel is decoded."""

import io
import struct
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from benchmarks.intake_kinds import drawing
from benchmarks.tiff_writer import write_tiff
from data_checks.errors import ImageRefused
from data_checks.intake.formats.directory import read_directory
from data_checks.intake.formats.tiff import read_tiff_header
from data_checks.refusal import Refusal
from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused
from tests.data_checks.pictures import encode, product

GREY = product(height=20, width=25)


def refusal_of(data: bytes) -> Refusal:
    with pytest.raises(ImageRefused) as caught:
        read_tiff_header(data)
    assert "\n" not in caught.value.detail and "expected" in caught.value.detail
    return caught.value.refusal


@pytest.mark.parametrize("name", FOUND_BY["formats.tiff"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_every_cut_is_found(compression: str | None) -> None:
    data = encode(GREY, "TIFF", compression=compression)
    # the directory of a compressed file stands last, and ends with the place of the next page, which may be missing
    needed = len(data) - (4 if compression else 0)
    assert {refusal_of(data[:length]) for length in range(4, needed)} == {Refusal.truncated}


@pytest.mark.parametrize(
    ("mode", "bits"), [("L", 8), ("LA", 8), ("RGB", 8), ("RGBA", 8), ("CMYK", 8), ("P", 8), ("I;16", 16)]
)
def test_size_bits_and_mode_are_those_that_were_saved(mode: str, bits: int) -> None:
    saved = encode(GREY.astype(np.uint16) * 257, "TIFF") if mode == "I;16" else encode(GREY, "TIFF", mode=mode)
    read = read_tiff_header(saved)
    assert (read.width, read.height, read.bits, read.mode) == (25, 20, bits, mode.replace("I;16", "L"))
    assert (read.transparent, read.several, read.orientation, read.profile) == (mode in ("LA", "RGBA"), "", 1, None)


def test_a_fax_has_one_bit() -> None:
    read = read_tiff_header(encode(GREY, "TIFF", mode="1", compression="group4"))
    assert (read.width, read.height, read.bits, read.mode) == (25, 20, 1, "L")


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_and_profile_are_read_in_either_byte_order(order: Literal["<", ">"]) -> None:
    read = read_tiff_header(write_tiff(drawing(), 2, order=order, orientation=6, profile=b"a profile"))
    assert (read.orientation, read.profile, read.upright) == (6, b"a profile", (48, 64))


def test_a_profile_larger_than_any_printing_house_has_is_not_read_and_not_forgotten() -> None:
    assert read_tiff_header(write_tiff(drawing(), 2, profile=bytes(4 * 2**20 + 1))).profile == b""


def test_what_is_decoded_has_the_pixels_and_no_field_that_they_do_not_need() -> None:
    data = encode(GREY, "TIFF", description="words" * 100, software="a program", dpi=(300, 300))
    kept = read_tiff_header(data).decodable
    (start,) = struct.unpack_from("<I", kept, 4)
    assert {270, 282, 283, 305} & set(read_directory(data, *struct.unpack_from("<I", data, 4), "<").entries)
    assert not {270, 282, 283, 305} & set(read_directory(kept, start, "<").entries)
    with Image.open(io.BytesIO(kept)) as image:
        np.testing.assert_array_equal(np.asarray(image), GREY)


def chained(*subfiles: int, ring: bool = False) -> bytes:
    """Pages of one picture, each with what it says it is: 0 a page, 1 a preview of another one."""
    pixels = bytes(60)
    data = b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels
    for place, subfile in enumerate(subfiles):
        fields = [(254, subfile), (256, 10), (257, 6), (258, 8), (262, 1), (273, 8), (277, 1), (279, 60)]
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields)
        last = 8 + len(pixels) if ring else 0
        end = len(data) + 2 + len(entries) + 4
        data += struct.pack("<H", len(fields)) + entries
        data += struct.pack("<I", last if place == len(subfiles) - 1 else end)
    return data


@pytest.mark.parametrize(
    ("subfiles", "several"),
    [((0,), ""), ((0, 0), "of 2 pages"), ((0, 1, 1), ""), ((0, 1, 0), "of 2 pages")],
    ids=["one", "two", "with previews", "two and a preview"],
)
def test_pages_are_counted_and_previews_are_none(subfiles: tuple[int, ...], several: str) -> None:
    assert read_tiff_header(chained(*subfiles)).several == several


def test_directories_that_follow_one_another_in_a_ring_are_not_followed_for_ever() -> None:
    assert read_tiff_header(chained(0, 0, ring=True)).several.startswith("of ")


def test_fields_that_share_the_bytes_of_one_place_are_refused() -> None:
    """Each is inside of the file; a decoder would load them all."""
    fields = [(256, 4, 1, 10), (257, 4, 1, 6), (258, 4, 1, 8), (262, 4, 1, 1), (273, 4, 1, 8), (277, 4, 1, 1)]
    fields += [(279, 4, 1, 60), *((tag, 7, 50_000, 8) for tag in (320, 347))]
    pixels = bytes(60_000)
    entries = b"".join(struct.pack("<HHII", *field) for field in fields)
    data = b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels + struct.pack("<H", len(fields)) + entries + bytes(4)
    assert refusal_of(data) is Refusal.truncated
