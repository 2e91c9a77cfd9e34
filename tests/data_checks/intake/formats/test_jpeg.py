"""JPEG files, read before a pixel is decoded."""

import struct

import pytest

from data_checks.errors import ImageRefused
from data_checks.intake.formats.jpeg import read_jpeg_header
from data_checks.refusal import Refusal
from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused
from tests.data_checks.pictures import encode, product

JPEG = encode(product(), "JPEG")
PROGRESSIVE = encode(product(), "JPEG", mode="RGB", progressive=True)
START, END = b"\xff\xd8", b"\xff\xd9"


def segment(marker: int, body: bytes = b"") -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def frame(width: int = 28, height: int = 28, channels: int = 1, marker: int = 0xC0, bits: int = 8) -> bytes:
    components = b"".join(bytes([name, 0x11, 0]) for name in range(channels))
    return segment(marker, struct.pack(">BHHB", bits, height, width, channels) + components)


SCAN = segment(0xDA, b"\x01\x00\x00\x00\x3f\x00") + b"\x12\x34\xff\x00\x56"


def refusal_of(data: bytes) -> Refusal:
    with pytest.raises(ImageRefused) as caught:
        read_jpeg_header(data)
    assert "\n" not in caught.value.detail and "expected" in caught.value.detail
    return caught.value.refusal


@pytest.mark.parametrize("data", [JPEG, PROGRESSIVE], ids=["baseline", "progressive"])
def test_every_cut_is_found(data: bytes) -> None:
    assert {refusal_of(data[:length]) for length in range(3, len(data))} == {Refusal.truncated}


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_size_and_mode_are_those_that_were_saved(mode: str) -> None:
    read = read_jpeg_header(encode(product(height=20, width=24), "JPEG", mode=mode))
    assert (read.width, read.height, read.bits, read.mode) == (24, 20, 8, mode)


def test_metadata_and_what_follows_the_end_are_left_out_of_what_is_decoded() -> None:
    thumbnail = segment(0xE1, b"Exif\0\0" + JPEG)
    noisy = START + thumbnail + segment(0xFE, b"a comment") + JPEG[2:] + JPEG
    assert read_jpeg_header(noisy).decodable == JPEG
    assert read_jpeg_header(JPEG).decodable == JPEG


def test_the_colour_markers_of_jfif_and_adobe_are_kept() -> None:
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\1")
    data = START + adobe + JPEG[2:]
    assert read_jpeg_header(data).decodable == data


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (START + frame() + frame(5000, 5000) + SCAN + END, Refusal.not_an_image),
        (START + frame(height=0) + SCAN + END, Refusal.not_an_image),
        (START + frame(channels=2) + SCAN + END, Refusal.not_an_image),
        (START + frame(marker=0xC3) + SCAN + END, Refusal.not_an_image),
        (START + segment(0xC0, b"\x08") + SCAN + END, Refusal.not_an_image),
        (START + b"\xff\xe0\x00\x01" + frame() + SCAN + END, Refusal.not_an_image),
        (START + frame() + SCAN * 65 + END, Refusal.not_an_image),
        (START + segment(0xFE) * 10_001 + frame() + SCAN + END, Refusal.not_an_image),
        (START + frame() + END, Refusal.truncated),
        (START + SCAN + END, Refusal.truncated),
        (START + frame() + SCAN, Refusal.truncated),
        (START + b"\xff\x00" * 100_000, Refusal.truncated),
    ],
    ids=[
        "two frames", "no height", "two channels", "lossless", "short frame", "short segment", "scan bomb",
        "flood", "no scan", "no frame", "no end", "stuffing",
    ],
)  # fmt: skip
def test_a_structure_that_no_decoder_should_see_is_refused(data: bytes, refusal: Refusal) -> None:
    assert refusal_of(data) is refusal


def test_a_12_bit_frame_says_so() -> None:
    assert read_jpeg_header(START + frame(bits=12) + SCAN + END).bits == 12


@pytest.mark.parametrize("name", FOUND_BY["formats.jpeg"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)
