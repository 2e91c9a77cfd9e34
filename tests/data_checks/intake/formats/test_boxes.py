"""The boxes of an ISO media file, and where the data of its items lies."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_checks.intake.formats.boxes import BrokenBoxes, find_items, list_boxes


def box(kind: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack(">I", 8 + len(body) if length is None else length) + kind + body


def large(kind: bytes, body: bytes) -> bytes:
    """A box whose length has 64 bits."""
    return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body


def locations(*items: tuple[int, int, int, list[tuple[int, int]]], version: int = 1) -> bytes:
    """Item locations with offsets, lengths and bases of four bytes: number, method, base, and the pieces of each."""
    wide = ">I" if version == 2 else ">H"
    body = bytes([version, 0, 0, 0, 0x44, 0x40]) + struct.pack(wide, len(items))
    for name, method, base, pieces in items:
        body += struct.pack(wide, name) + (struct.pack(">H", method) if version else b"")
        body += struct.pack(">HIH", 0, base, len(pieces)) + b"".join(struct.pack(">II", *each) for each in pieces)
    return box(b"iloc", body)


def file(*inner: bytes, data: bytes = b"") -> bytes:
    return box(b"ftyp", b"avif\0\0\0\0") + box(b"meta", bytes(4) + b"".join(inner)) + box(b"mdat", data)


def test_boxes_of_short_and_long_lengths_and_one_up_to_the_end_are_listed() -> None:
    data = box(b"ftyp", b"abc") + large(b"wide", b"de") + box(b"free") + box(b"last", b"fg", length=0)
    found = [(kind, data[start:end]) for kind, (start, end) in list_boxes(data, 0, len(data))]
    assert found == [(b"ftyp", b"abc"), (b"wide", b"de"), (b"free", b""), (b"last", b"fg")]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (box(b"ftyp", b"abc")[:-1], "a box of 11 bytes at byte 0 of 10"),
        (box(b"ftyp", length=7), "a box of 7 bytes at byte 0 of 8"),
        (box(b"ftyp") + b"\0\0\0", "at byte 8 of 11"),
        (struct.pack(">I4sQ", 1, b"wide", 2**63), f"a box of {2**63} bytes at byte 0 of 16"),
        (box(b"free") * 1_001, "more than 1000 boxes"),
    ],
    ids=["cut", "shorter than its head", "a rest", "endless", "flood"],
)
def test_boxes_that_do_not_fill_their_place_are_broken(data: bytes, told: str) -> None:
    with pytest.raises(BrokenBoxes, match=told):
        list(list_boxes(data, 0, len(data)))


@pytest.mark.parametrize("version", [0, 1, 2])
def test_the_pieces_of_each_item_are_found_from_its_base(version: int) -> None:
    whole = file(locations((1, 0, 100, [(4, 10), (30, 5)]), (7, 0, 0, [(20, 2)]), version=version))
    assert find_items(whole) == {1: ((104, 114), (130, 135)), 7: ((20, 22),)}


def test_a_piece_without_a_length_goes_up_to_the_end_of_the_file() -> None:
    whole = file(locations((1, 0, 0, [(40, 0)])), data=b"pixels")
    assert find_items(whole) == {1: ((40, len(whole)),)}


def test_what_lies_beside_the_locations_is_counted_from_there_and_what_lies_in_another_item_is_left_out() -> None:
    whole = file(locations((1, 1, 0, [(2, 3)]), (2, 2, 0, [(0, 9)])), box(b"idat", b"abcdef"))
    ((start, end),) = find_items(whole)[1]
    assert whole[start:end] == b"cde" and 2 not in find_items(whole)


def test_a_file_without_locations_has_no_items() -> None:
    assert find_items(box(b"ftyp")) == {} == find_items(file(box(b"hdlr")))


@pytest.mark.parametrize(
    "inner",
    [
        box(b"iloc"),
        box(b"iloc", bytes(5)),
        box(b"iloc", b"\x03\0\0\0\x44\x40\0\0"),
        box(b"iloc", b"\x01\0\0\0\x44\x40\0\x01"),
    ],
    ids=["nothing", "half a head", "another version", "no item"],
)
def test_locations_that_end_early_or_are_of_another_version_are_broken(inner: bytes) -> None:
    last = box(b"ftyp") + box(b"meta", bytes(4) + inner)
    with pytest.raises(BrokenBoxes, match="item locations"):
        find_items(last)


@given(st.binary(max_size=60))
def test_any_locations_are_read_or_broken(content: bytes) -> None:
    try:
        found = find_items(box(b"ftyp") + box(b"meta", bytes(4) + box(b"iloc", content)))
    except BrokenBoxes:
        return
    assert all(start >= 0 for pieces in found.values() for start, _ in pieces)
