"""How large the frames of AV1 data are, before one of them is decoded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_checks.intake.formats.av1 import BrokenUnits, list_frame_sizes
from data_checks.intake.formats.boxes import find_items
from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused
from tests.data_checks.pictures import encode

SEQUENCE, DELIMITER = 1, 2


def unit(kind: int, body: bytes) -> bytes:
    """A unit that states its size, below 128 bytes."""
    return bytes([kind << 3 | 2, len(body)]) + body


def bits(*fields: tuple[int, int]) -> bytes:
    """Numbers of so many bits each, the highest first, filled up to whole bytes."""
    text = "".join(f"{value:0{count}b}" for value, count in fields)
    return int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8))


def sizes(width: int, height: int) -> tuple[tuple[int, int], ...]:
    """The end of a sequence header that was read: bits of both sides, and both sides less one."""
    return (11, 4), (9, 4), (width - 1, 12), (height - 1, 10)


@pytest.mark.parametrize("name", FOUND_BY["formats.av1"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)


@pytest.mark.parametrize(("width", "height"), [(25, 20), (64, 48), (257, 33)])
def test_the_frame_of_a_still_picture_has_the_size_that_was_saved(width: int, height: int) -> None:
    data = encode(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8), "AVIF")
    items = [b"".join(data[start:end] for start, end in pieces) for pieces in find_items(data).values()]
    assert [size for item in items for size in list_frame_sizes(item)] == [(width, height)]


def test_the_long_header_of_a_film_is_passed_over_to_its_size() -> None:
    still, short = (0, 4), (0, 1)
    no_timing = bits(still, short, (0, 1), (0, 1), (0, 5), (0, 12), (5, 5), *sizes(4000, 1000))
    # timing with a number of variable length (010: two bits), a decoder model of delays of 5 bits, a display delay,
    # and two operating points, of which the second has a tier, a model and a delay of its own
    timing = [(1, 1), (0, 64), (1, 1), (0b010, 3), (1, 1), (4, 5), (0, 42), (1, 1), (1, 5)]
    points = [(0, 12), (5, 5), (0, 1), (0, 1), (0, 12), (8, 5), (1, 1), (1, 1), (0, 11), (1, 1), (3, 4)]
    everything = bits(still, short, *timing, *points, *sizes(4000, 1000))
    for header in (no_timing, everything):
        assert list(list_frame_sizes(unit(DELIMITER, b"") + unit(SEQUENCE, header))) == [(4000, 1000)]


def test_the_last_unit_may_leave_its_size_out_and_an_extension_is_passed_over() -> None:
    header = bits((0, 4), (1, 1), (0, 5), *sizes(640, 480))
    assert list(list_frame_sizes(bytes([SEQUENCE << 3]) + header)) == [(640, 480)]
    assert list(list_frame_sizes(bytes([SEQUENCE << 3 | 4 | 2, 0, len(header)]) + header)) == [(640, 480)]


def test_a_size_of_several_bytes_has_the_lowest_seven_bits_first() -> None:
    header = bits((0, 4), (1, 1), (0, 5), *sizes(640, 480)).ljust(300, b"\0")
    data = bytes([SEQUENCE << 3 | 2, 300 & 127 | 128, 300 >> 7]) + header
    assert list(list_frame_sizes(data)) == [(640, 480)]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (unit(DELIMITER, b"abc")[:-1], "ends outside of the data"),
        (bytes([DELIMITER << 3 | 2]) + b"\xff" * 8, "without a size"),
        (bytes([DELIMITER << 3 | 2]), "without a size"),
        (unit(SEQUENCE, b"\x08"), "a sequence header that ends early"),
        (unit(DELIMITER, b"") * 1_001, "more than 1000 units"),
    ],
    ids=["cut", "an endless size", "no size", "half a header", "flood"],
)
def test_what_is_no_sequence_of_units_is_broken(data: bytes, told: str) -> None:
    with pytest.raises(BrokenUnits, match=told):
        list(list_frame_sizes(data))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_broken(data: bytes) -> None:
    try:
        found = list(list_frame_sizes(data))
    except BrokenUnits:
        return
    assert all(1 <= side <= 2**16 for size in found for side in size)
