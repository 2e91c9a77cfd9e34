"""WebP files, read before a pixel is decoded."""

import struct

import numpy as np
import pytest

from data_checks.errors import ImageRefused
from data_checks.intake.formats.webp import is_webp, read_webp_header
from data_checks.refusal import Refusal
from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused
from tests.data_checks.pictures import encode, product

COLOURS = np.dstack([product(seed, height=20, width=25) for seed in range(3)])
LOSSY, LOSSLESS = encode(COLOURS, "WEBP"), encode(COLOURS, "WEBP", lossless=True)


def chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def lossy(width: int = 25, height: int = 20, begin: bytes = b"\x00\x00\x00\x9d\x01\x2a") -> bytes:
    return chunk(b"VP8 ", begin + struct.pack("<HH", width, height) + bytes(6))


def canvas(flags: int, width: int = 25, height: int = 20) -> bytes:
    return chunk(
        b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    )


def refusal_of(data: bytes) -> Refusal:
    with pytest.raises(ImageRefused) as caught:
        read_webp_header(data)
    assert "\n" not in caught.value.detail and "expected" in caught.value.detail
    return caught.value.refusal


@pytest.mark.parametrize("name", FOUND_BY["formats.webp"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)


@pytest.mark.parametrize("data", [LOSSY, LOSSLESS], ids=["lossy", "lossless"])
def test_every_cut_is_found(data: bytes) -> None:
    assert {refusal_of(data[:length]) for length in range(12, len(data))} == {Refusal.truncated}


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("channels", [3, 4])
def test_size_and_mode_are_those_that_were_saved(lossless: bool, channels: int) -> None:
    pixels = np.dstack([COLOURS, product(9, height=20, width=25)])[:, :, :channels]
    read = read_webp_header(encode(pixels, "WEBP", lossless=lossless))
    assert (read.width, read.height, read.bits, read.mode) == (25, 20, 8, {3: "RGB", 4: "RGBA"}[channels])
    assert read.transparent == (channels == 4)


def test_what_follows_the_end_is_left_out_and_other_riff_files_are_no_pictures() -> None:
    assert read_webp_header(LOSSY + b"RIFF of another").decodable == LOSSY
    assert is_webp(LOSSY) and not is_webp(b"RIFF\x24\0\0\0WAVEfmt ")


def test_orientation_and_profile_are_read_with_exif_in_either_form() -> None:
    field = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + bytes(4)
    for exif in (field, b"Exif\0\0" + field):
        read = read_webp_header(riff(canvas(0x28), chunk(b"ICCP", b"a profile"), lossy(), chunk(b"EXIF", exif)))
        assert (read.orientation, read.profile, read.upright) == (6, b"a profile", (20, 25))


def test_a_profile_larger_than_any_printing_house_has_is_not_read_and_not_forgotten() -> None:
    assert read_webp_header(riff(canvas(0x20), chunk(b"ICCP", bytes(4 * 2**20 + 1)), lossy())).profile == b""


def test_a_moving_one_is_told_by_its_flag_or_by_its_frames() -> None:
    for chunks in ((canvas(0x02), chunk(b"ANIM", bytes(6))), (canvas(0), chunk(b"ANMF", bytes(16)))):
        read = read_webp_header(riff(*chunks))
        assert (read.several, read.width, read.height) == ("animated", 25, 20)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (riff(), Refusal.truncated),
        (riff(canvas(0), chunk(b"EXIF", bytes(4))), Refusal.truncated),
        (riff(chunk(b"VP8X", bytes(9)), lossy()), Refusal.not_an_image),
        (riff(canvas(0, 26), lossy()), Refusal.not_an_image),
        (riff(lossy(0)), Refusal.not_an_image),
        (riff(lossy(begin=b"\x00\x00\x00\x9d\x01\x2b")), Refusal.not_an_image),
        (riff(lossy(begin=b"\x01\x00\x00\x9d\x01\x2a")), Refusal.not_an_image),
        (riff(chunk(b"VP8L", b"\x2e" + bytes(15))), Refusal.not_an_image),
        (riff(chunk(b"VP8L", b"\x2f\x00\x00")), Refusal.not_an_image),
        (riff(b"VP8 " + struct.pack("<I", 2**32 - 1) + bytes(16)), Refusal.truncated),
        (riff(*[chunk(b"junk", b"")] * 1_001, lossy()), Refusal.not_an_image),
    ],
    ids=[
        "nothing", "no pixels", "short canvas", "another canvas", "no width", "no start", "no key frame",
        "no signature", "short pixels", "a chunk beyond the end", "flood",
    ],
)  # fmt: skip
def test_a_structure_that_no_decoder_should_see_is_refused(data: bytes, refusal: Refusal) -> None:
    assert refusal_of(data) is refusal
