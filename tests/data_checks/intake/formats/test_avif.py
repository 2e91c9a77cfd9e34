"""AVIF files, read before a pixel is decoded."""

import numpy as np
import pytest
from PIL import Image

from data_checks.errors import ImageRefused
from data_checks.intake.formats.avif import is_avif, read_avif_header, read_brands
from data_checks.refusal import Refusal
from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused
from tests.data_checks.pictures import encode, product

COLOURS = np.dstack([product(seed, height=20, width=25) for seed in range(4)])
AVIF = encode(COLOURS[:, :, :3], "AVIF")


@pytest.mark.parametrize("name", FOUND_BY["formats.avif"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)


def test_every_cut_is_found() -> None:
    for length in range(12, len(AVIF)):
        with pytest.raises(ImageRefused) as caught:
            read_avif_header(AVIF[:length])
        assert caught.value.refusal is Refusal.truncated, length


@pytest.mark.parametrize(("channels", "mode"), [(3, "RGB"), (4, "RGBA")])
def test_size_and_mode_are_those_that_were_saved(channels: int, mode: str) -> None:
    read = read_avif_header(encode(COLOURS[:, :, :channels], "AVIF"))
    assert (read.width, read.height, read.bits, read.mode, read.transparent) == (25, 20, 8, mode, channels == 4)
    assert (read.several, read.orientation) == ("", 1)


def test_orientation_and_profile_are_those_that_were_saved() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = b"a profile that nothing reads yet"
    read = read_avif_header(encode(COLOURS[:, :, :3], "AVIF", exif=exif, icc_profile=profile))
    assert (read.orientation, read.profile) == (6, profile)
    assert read_avif_header(encode(COLOURS[:, :, :3], "AVIF", icc_profile=bytes(4 * 2**20 + 1))).profile == b""


@pytest.mark.parametrize(
    ("data", "brands"),
    [
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf", {b"avif", b"mif1", b"miaf"}),
        (b"\0\0\0\x14ftypmif1\0\0\0\0avis" + b"avif", {b"mif1", b"avis"}),
        (b"\0\0\0\x10ftypisom\0\0\0\0", {b"isom"}),
        (b"\0\0\0\x18free" + bytes(16), set()),
        (b"", set()),
    ],
    ids=["still", "a brand behind the box is none", "one alone", "another box first", "nothing"],
)
def test_brands_are_those_of_the_first_box(data: bytes, brands: set[bytes]) -> None:
    assert read_brands(data) == brands
    assert is_avif(data) == bool(brands & {b"avif", b"avis"})
