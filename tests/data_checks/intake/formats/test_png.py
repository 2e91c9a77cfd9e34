"""PNG files, read before a pixel is decoded."""

import struct
import zlib

import numpy as np
import pytest

from data_checks.errors import ImageRefused
from data_checks.intake.formats.png import SIGNATURE, read_png_header
from data_checks.refusal import Refusal
from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused
from tests.data_checks.pictures import encode, product

PNG = encode(product())


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def header(width: int = 28, height: int = 28, bits: int = 8, colour: int = 0, rest: bytes = b"\0\0\0") -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBB", width, height, bits, colour) + rest)


IDAT = chunk(b"IDAT", zlib.compress(bytes(29 * 28)))
END = chunk(b"IEND")


def refusal_of(data: bytes) -> Refusal:
    with pytest.raises(ImageRefused) as caught:
        read_png_header(data)
    assert "\n" not in caught.value.detail and "expected" in caught.value.detail
    return caught.value.refusal


def test_every_cut_is_found_even_one_behind_the_last_pixel() -> None:
    assert {refusal_of(PNG[:length]) for length in range(len(SIGNATURE), len(PNG))} == {Refusal.truncated}


def test_every_flipped_bit_is_found() -> None:
    for position in range(len(SIGNATURE), len(PNG)):
        for bit in range(8):
            damaged = bytearray(PNG)
            damaged[position] ^= 1 << bit
            assert refusal_of(bytes(damaged)) in (Refusal.truncated, Refusal.not_an_image)


@pytest.mark.parametrize(
    ("mode", "bits", "pillow_mode"),
    [("L", 8, "L"), ("RGB", 8, "RGB"), ("P", 8, "P"), ("LA", 8, "LA"), ("RGBA", 8, "RGBA"), ("1", 1, "L")],
)
def test_size_bits_and_mode_are_those_that_were_saved(mode: str, bits: int, pillow_mode: str) -> None:
    read = read_png_header(encode(product(height=20, width=24), mode=mode))
    assert (read.width, read.height, read.bits, read.mode) == (24, 20, bits, pillow_mode)
    assert read.transparent == (mode in ("LA", "RGBA"))


def test_a_16_bit_picture_and_a_transparent_grey_say_so() -> None:
    assert read_png_header(encode(product().astype(np.uint16))).bits == 16
    assert read_png_header(encode(product(), transparency=0)).transparent


def test_metadata_is_left_out_of_what_is_decoded_and_a_plain_file_is_not_copied() -> None:
    plain = SIGNATURE + header() + IDAT + END
    noisy = SIGNATURE + header() + chunk(b"tEXt", b"a\0b") + chunk(b"eXIf", b"junk") + IDAT + END + b"trailing"
    assert read_png_header(plain).decodable is plain
    assert read_png_header(noisy).decodable == plain


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (SIGNATURE + IDAT + END, Refusal.not_an_image),
        (SIGNATURE + header() + header(5000, 5000) + IDAT + END, Refusal.not_an_image),
        (SIGNATURE + header(0, 28) + IDAT + END, Refusal.not_an_image),
        (SIGNATURE + header(2**31, 28) + IDAT + END, Refusal.not_an_image),
        (SIGNATURE + header(bits=3) + IDAT + END, Refusal.not_an_image),
        (SIGNATURE + header(colour=5) + IDAT + END, Refusal.not_an_image),
        (SIGNATURE + header(rest=b"\0\0\7") + IDAT + END, Refusal.not_an_image),
        (SIGNATURE + header(rest=b"") + IDAT + END, Refusal.not_an_image),
        (SIGNATURE + header() + END, Refusal.truncated),
        (SIGNATURE + header() + chunk(b"IDAT") * 10_001 + END, Refusal.not_an_image),
    ],
    ids=[
        "no IHDR",
        "two IHDR",
        "no width",
        "huge",
        "3 bits",
        "colour 5",
        "interlace 7",
        "short",
        "no IDAT",
        "flood",
    ],
)
def test_a_structure_that_no_decoder_should_see_is_refused(data: bytes, refusal: Refusal) -> None:
    assert refusal_of(data) is refusal


@pytest.mark.parametrize("name", FOUND_BY["formats.png"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)
