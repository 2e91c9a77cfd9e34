"""A directory of a TIFF file or of EXIF, whatever its fields claim."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.intake_kinds import drawing
from benchmarks.png_writer import chunk, write_png
from data_checks.intake.formats.directory import BrokenDirectory, read_byte_order, read_directory, read_orientation
from tests.data_checks.intake.formats.fields import directory
from tests.data_checks.intake.judging import said
from vae_core.images.preprocessing import Preprocessing


def test_a_field_of_exif_that_lies_outside_of_it_is_no_orientation() -> None:
    exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff\0\0\0\x7f" + bytes(4)
    same = Preprocessing(channels=3, height=48, width=64)
    assert said(write_png(drawing(), [chunk(b"eXIf", exif)]), same).conversions == ()


@pytest.mark.parametrize("order", ["<", ">"])
def test_values_are_read_in_either_byte_order_within_the_field_and_behind_it(order: str) -> None:
    place = 8 + 2 + 12 * 2 + 4
    behind = struct.pack(f"{order}3H", 8, 8, 16)
    data = directory(
        (256, 4, 1, struct.pack(f"{order}I", 70_000)),
        (258, 3, 3, struct.pack(f"{order}I", place)),
        order=order,
        behind=behind,
        following=place,
    )
    read = read_directory(data, 8, read_byte_order(data))
    assert read.number(256, 0) == 70_000
    assert read.numbers(258) == (8, 8, 16)
    assert read.content(258) == behind
    assert (read.numbers(259), read.number(259, 1), read.content(259)) == ((), 1, None)
    assert read.following == place


def test_fields_of_unknown_types_and_those_that_end_outside_of_the_data_are_left_out() -> None:
    data = directory((256, 4, 1, b"\x07"), (257, 99, 1, b"\x07"), (258, 3, 4, b"\xff\xff"), (259, 4, 2**32 - 1, b""))
    assert set(read_directory(data, 8, "<").entries) == {256}


def test_of_two_fields_of_one_tag_the_first_counts() -> None:
    assert read_directory(directory((256, 3, 1, b"\x01"), (256, 3, 1, b"\x02")), 8, "<").number(256, 0) == 1


def test_another_type_or_a_longer_list_than_was_asked_for_is_broken() -> None:
    read = read_directory(directory((282, 2, 4, b"abc"), (258, 1, 4, b"\1\2\3\4")), 8, "<")
    with pytest.raises(BrokenDirectory, match="field 282 has 4 values of type 2"):
        read.numbers(282)
    with pytest.raises(BrokenDirectory, match="field 258 has 4 values of type 1"):
        read.numbers(258, most=3)


@pytest.mark.parametrize("start", [0, 7, 25, 2**32 - 1])
def test_a_directory_that_begins_within_the_head_or_outside_of_the_data_is_broken(start: int) -> None:
    with pytest.raises(BrokenDirectory, match=f"a directory at byte {start} of 26"):
        read_directory(directory((256, 3, 1, b"\x01")), start, "<")


def test_a_directory_without_fields_or_with_more_than_came_is_broken() -> None:
    for count in (0, 2, 1025):
        data = b"II*\0\x08\0\0\0" + struct.pack("<H", count) + bytes(16)
        with pytest.raises(BrokenDirectory, match=f"a directory of {count} fields"):
            read_directory(data, 8, "<")


@pytest.mark.parametrize("stated", range(10))
def test_one_of_the_eight_orientations_is_believed_and_no_other_number(stated: int) -> None:
    assert read_orientation(directory((274, 3, 1, bytes([stated])))) == (stated if 1 <= stated <= 8 else 1)


@given(st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]), st.binary(max_size=80))
def test_any_exif_has_an_orientation(head: bytes, data: bytes) -> None:
    assert read_orientation(head + data) in range(1, 9)
