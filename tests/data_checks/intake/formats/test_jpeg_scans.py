"""Scans of a JPEG file that hold less than the whole picture."""

import pytest

from data_checks.errors import ImageRefused
from data_checks.intake.formats.jpeg_scans import JpegFrame, require_whole
from data_checks.refusal import Refusal
from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused


@pytest.mark.parametrize("name", FOUND_BY["formats.jpeg_scans"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)


Y, CB, CR = 1, 2, 3


def frame(coding: int = 0xC2, sampling: bytes = b"\x22\x11\x11") -> JpegFrame:
    return JpegFrame(coding, 8, 64, 48, (Y, CB, CR)[: len(sampling)], sampling)


def scan(*names: int, first: int = 0, last: int = 63, high: int = 0, low: int = 0) -> bytes:
    """A scan header behind its length: components with their tables, coefficients, and the bits before and after."""
    return bytes([len(names), *(byte for name in names for byte in (name, 0)), first, last, high << 4 | low])


DC, DC_REST = scan(Y, CB, CR, last=0, low=1), scan(Y, CB, CR, last=0, high=1)
AC = [scan(name, first=1) for name in (Y, CB, CR)]


@pytest.mark.parametrize(
    ("coding", "scans"),
    [
        (0xC0, [scan(Y, CB, CR)]),
        (0xC0, [scan(Y), scan(CB), scan(CR)]),
        (0xC0, [scan(Y, CB, CR, last=0, low=1)]),
        (0xC2, [DC, *AC, DC_REST]),
        (0xC2, [DC, scan(Y, first=1, last=5, low=2), *AC, scan(Y, first=1, high=2, low=1), DC_REST, AC[0]]),
    ],
    ids=["baseline", "a scan for each", "baseline knows no bits", "progressive", "in more steps"],
)
def test_scans_that_say_every_bit_of_every_component_are_whole(coding: int, scans: list[bytes]) -> None:
    require_whole(frame(coding), scans)


@pytest.mark.parametrize(
    ("coding", "scans", "refusal"),
    [
        (0xC0, [scan(Y), scan(CB)], Refusal.truncated),
        (0xC2, [DC, *AC], Refusal.truncated),
        (0xC2, [DC, *AC[:2], DC_REST], Refusal.truncated),
        (0xC2, [DC, *AC[:2], scan(CR, first=1, last=62), DC_REST], Refusal.truncated),
        (0xC2, [DC, *AC, DC_REST, scan(Y, first=5, last=5, low=1)], Refusal.truncated),
        (0xC0, [scan(Y, CB, 4)], Refusal.not_an_image),
        (0xC0, [b""], Refusal.not_an_image),
        (0xC0, [bytes([5]) + bytes(13)], Refusal.not_an_image),
        (0xC0, [scan(Y, CB, CR)[:-1]], Refusal.not_an_image),
    ],
    ids=[
        "a component missing", "a bit missing", "details missing", "the last detail missing", "taken back",
        "no component of it", "empty", "five components", "half a header",
    ],
)  # fmt: skip
def test_scans_that_leave_something_out_or_are_none_are_refused(
    coding: int, scans: list[bytes], refusal: Refusal
) -> None:
    with pytest.raises(ImageRefused) as caught:
        require_whole(frame(coding), scans)
    assert caught.value.refusal is refusal


@pytest.mark.parametrize(
    ("coding", "sampling", "kept"),
    [
        (0xC0, b"\x22\x11\x11", 0),
        (0xC2, b"\x11", 2),
        (0xC2, b"\x11\x11\x11", 6),
        (0xC2, b"\x22\x11\x11", 3),
        (0xC2, b"\x21\x11\x11", 4),
        (0xC2, b"\x22\x22\x22\x22", 8),
    ],
    ids=["baseline", "grey", "4:4:4", "4:2:0", "4:2:2", "inks"],
)
def test_a_progressive_picture_keeps_two_bytes_for_each_sample(coding: int, sampling: bytes, kept: int) -> None:
    assert frame(coding, sampling).coefficient_bytes == kept
