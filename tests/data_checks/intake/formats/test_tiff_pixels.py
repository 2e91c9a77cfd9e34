"""The kinds of TIFF pixels, and whether all of them came."""

import struct

import pytest

from data_checks.errors import ImageRefused
from data_checks.intake.formats.directory import BrokenDirectory, Directory, read_directory
from data_checks.intake.formats.tiff_pixels import read_pixels, require_data
from data_checks.refusal import Refusal
from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused
from tests.data_checks.intake.formats.fields import directory

SHORT, LONG = 3, 4


def described(behind: bytes = b"", **fields: int | tuple[int, ...]) -> Directory:
    """A directory of 8-bit grey pixels, 10x6 in one strip, but for what is said otherwise; `()` leaves a field out."""
    numbers = {
        "width": 256, "height": 257, "bits": 258, "compression": 259, "photometric": 262, "offsets": 273,
        "samples": 277, "rows": 278, "sizes": 279, "planar": 284, "tile_width": 322, "tile_height": 323,
        "tile_offsets": 324, "tile_sizes": 325, "extra": 338, "sample_format": 339,
    }  # fmt: skip
    plain = {"width": 10, "height": 6, "photometric": 1, "samples": 1, "bits": 8, "offsets": 8, "sizes": 60}
    said = {name: value for name, value in {**plain, **fields}.items() if value != ()}
    lists = {name: value if isinstance(value, tuple) else (value,) for name, value in said.items()}
    place, values, entries = 8 + 2 + 12 * len(lists) + 4, b"", []
    for name, each in sorted(lists.items(), key=lambda item: numbers[item[0]]):
        packed = struct.pack(f"<{len(each)}I", *each)
        inside = packed if len(each) == 1 else struct.pack("<I", place + len(values))
        values += b"" if len(each) == 1 else packed
        entries.append((numbers[name], LONG, len(each), inside))
    data = directory(*entries, behind=values + behind)
    return read_directory(data, 8, "<")


@pytest.mark.parametrize("name", FOUND_BY["formats.tiff_pixels"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)


@pytest.mark.parametrize(
    ("fields", "mode"),
    [
        ({"bits": 8}, "L"),
        ({"bits": ()}, "L"),
        ({"photometric": 0, "bits": 1, "compression": 4}, "L"),
        ({"samples": 2, "bits": (8, 8), "extra": 2}, "LA"),
        ({"bits": 16}, "L"),
        ({"photometric": 2, "samples": 3, "bits": (8, 8, 8)}, "RGB"),
        ({"photometric": 2, "samples": 3, "bits": (16, 16, 16)}, "RGB"),
        ({"photometric": 2, "samples": 4, "bits": (8, 8, 8, 8), "extra": 2}, "RGBA"),
        ({"photometric": 2, "samples": 4, "bits": (8, 8, 8, 8), "extra": 0}, "RGB"),
        ({"photometric": 2, "samples": 4, "bits": (16, 16, 16, 16), "extra": 2}, "RGBA"),
        ({"photometric": 3, "bits": 4}, "P"),
        ({"photometric": 5, "samples": 4, "bits": (8, 8, 8, 8)}, "CMYK"),
        ({"photometric": 6, "samples": 3, "bits": (8, 8, 8), "compression": 7}, "RGB"),
    ],
    ids=[
        "grey", "1 bit unsaid", "fax", "grey and alpha", "deep grey", "colours", "deep colours", "colours and alpha",
        "colours and something", "deep colours and alpha", "palette", "inks", "JPEG inside",
    ],
)  # fmt: skip
def test_channels_are_named_as_pillow_names_them(fields: dict[str, int | tuple[int, ...]], mode: str) -> None:
    assert read_pixels(described(**fields)).mode == mode


@pytest.mark.parametrize(
    ("fields", "came"),
    [
        ({"compression": 34712}, "with compression 34712"),
        ({"sample_format": 3}, "with numbers that are no whole ones"),
        ({"photometric": 2, "samples": 3, "bits": (5, 6, 5)}, "or of different bits"),
        ({"photometric": 8, "samples": 3, "bits": (8, 8, 8)}, "with CIELAB"),
        ({"photometric": 32803}, "with raw sensor data"),
        ({"photometric": ()}, "with colours of kind -1"),
        ({"photometric": 0, "bits": 16}, "1 samples of 16 bits, colours of kind 0"),
        ({"samples": 2, "bits": (16, 16), "extra": 2}, "2 samples of 16 bits"),
        ({"photometric": 2, "samples": 4, "bits": (16, 16, 16, 16), "extra": 1}, "4 samples of 16 bits"),
        ({"photometric": 2, "samples": 3, "bits": (16, 16, 16), "planar": 2}, "3 samples of 16 bits"),
        ({"photometric": 2, "samples": 3, "bits": (4, 4, 4)}, "3 samples of 4 bits"),
        ({"photometric": 3, "bits": 16}, "colours of kind 3"),
        ({"photometric": 6, "samples": 3, "bits": (8, 8, 8)}, "colours of kind 6"),
        ({"photometric": 5, "samples": 5, "bits": (8,) * 5}, "5 samples of 8 bits"),
        ({"bits": 12}, "1 samples of 12 bits"),
    ],
    ids=[
        "JPEG 2000 inside", "floats", "5-6-5", "CIELAB", "raw", "no kind", "deep, white is 0", "deep grey and alpha",
        "deep, multiplied", "deep planes", "4-bit colours", "deep palette", "YCbCr", "five inks", "12 bits",
    ],
)  # fmt: skip
def test_what_is_not_decoded_is_refused_and_named(fields: dict[str, int | tuple[int, ...]], came: str) -> None:
    with pytest.raises(ImageRefused) as caught:
        read_pixels(described(**fields))
    assert caught.value.refusal is Refusal.wrong_mode and came in caught.value.detail


@pytest.mark.parametrize("fields", [{"width": 0}, {"height": ()}, {"samples": 0}, {"samples": 9}], ids=str)
def test_a_picture_of_no_size_or_of_many_samples_is_none(fields: dict[str, int | tuple[int, ...]]) -> None:
    with pytest.raises(ImageRefused) as caught:
        read_pixels(described(**fields))
    assert caught.value.refusal is Refusal.not_an_image


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"rows": 4, "offsets": (8, 48), "sizes": (40, 20)},
        {"rows": 2**32 - 1},
        {"tile_width": 8, "tile_height": 8, "tile_offsets": (8, 72), "tile_sizes": (64, 64)},
        {"compression": 5, "sizes": 7},
    ],
    ids=["one strip", "two strips", "one strip that says it is endless", "tiles", "compressed"],
)  # fmt: skip
def test_pixels_that_are_all_there_pass(fields: dict[str, int | tuple[int, ...]]) -> None:
    whole = described(bytes(200), **fields)
    require_data(whole, read_pixels(whole))


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"sizes": 59}, Refusal.truncated),
        ({"sizes": 0, "compression": 5}, Refusal.truncated),
        ({"offsets": 10_000}, Refusal.truncated),
        ({"rows": 4, "offsets": (8, 10_000), "sizes": (40, 20)}, Refusal.truncated),
        ({"rows": 0}, Refusal.not_an_image),
        ({"tile_width": 0, "tile_height": 8, "tile_offsets": 8, "tile_sizes": 64}, Refusal.not_an_image),
        ({"tile_width": 4096, "tile_height": 4096, "tile_offsets": 8, "tile_sizes": 64}, Refusal.not_an_image),
    ],
    ids=["a byte short", "of no bytes", "outside", "the last outside", "no rows", "no tiles", "a tile bomb"],
)  # fmt: skip
def test_strips_and_tiles_that_cannot_hold_the_picture_are_refused(
    fields: dict[str, int | tuple[int, ...]], refusal: Refusal
) -> None:
    cut = described(bytes(200), **fields)
    with pytest.raises(ImageRefused) as caught:
        require_data(cut, read_pixels(cut))
    assert caught.value.refusal is refusal


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"rows": 2}, "1 strips or tiles instead of 3"),
        ({"photometric": 2, "samples": 3, "bits": (8, 8, 8), "planar": 2}, "1 strips or tiles instead of 3"),
        ({"offsets": ()}, "0 strips or tiles instead of 1"),
    ],
    ids=["too few strips", "one plane of three", "none"],
)
def test_another_number_of_strips_than_the_picture_needs_is_a_broken_directory(
    fields: dict[str, int | tuple[int, ...]], told: str
) -> None:
    cut = described(bytes(200), **fields)
    with pytest.raises(BrokenDirectory, match=told):
        require_data(cut, read_pixels(cut))
