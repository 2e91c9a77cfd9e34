"""A folder becomes segments named by their content; nothing is packed twice, nothing is left out in silence."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.stores import faults
from deploy.stores.errors import StoreFull
from latentloop.sources.folder import FolderSource
from latentloop.sources.found import Found, Outcome, Unreadable
from latentloop.sources.tally import Left
from tests.latentloop.sources.places import PNG, Home, write


def names_of(home: Home, segment: str) -> list[str]:
    return [each.name for each in home.captures.read(segment)]


def test_each_image_is_packed_once_with_its_bytes_and_the_source_that_its_folder_names(home: Home, inbox: Path) -> None:
    write(inbox, "shop-a/1.png", "shop-a/2.png", "shop-b/deep/3.png", "4.png", ".hidden")

    packed = home.pack(inbox)

    assert {name: (each.source, each.data) for name, each in home.images(packed).items()} == {
        "4.png": ("inbox", PNG + b"4.png"),
        "shop-a/1.png": ("shop-a", PNG + b"shop-a/1.png"),
        "shop-a/2.png": ("shop-a", PNG + b"shop-a/2.png"),
        "shop-b/deep/3.png": ("shop-b/deep", PNG + b"shop-b/deep/3.png"),
    }
    assert packed.images == 4


def test_every_file_that_is_found_is_packed_refused_by_its_size_ignored_or_read_as_labels(
    home: Home, inbox: Path
) -> None:
    write(inbox, "1.png", "2", "not an image.jpg")
    for name in ("notes.txt", "a.xml", "Thumbs.db", ".DS_Store", "b.xml", "photos.zip"):
        (inbox / name).write_bytes(b"no image")
    (inbox / "labels.csv").write_text("id,label\n1,cat\n")
    (inbox / "huge.png").touch()
    os.truncate(inbox / "huge.png", 2**30)

    packed = home.pack(inbox)

    assert sorted(home.images(packed)) == ["1.png", "2", "not an image.jpg"]
    assert packed.tally.ignored == {".xml": 2, ".txt": 1, ".db": 1, ".DS_Store": 1, ".zip": 1}
    assert str(packed.tally.too_large) == "huge.png (1,073,741,824 bytes)"
    assert (packed.tally.tables, packed.unlabelled) == (1, 2)
    assert packed.tally.left_out == {}


class Broken(FolderSource):
    """A folder on a disk that gives none of some files; modes would not keep root out."""

    broken: Collection[str] = ()

    def read(self, found: Found, most_bytes: int) -> Outcome:
        if found.path in self.broken:
            return Unreadable(Left.unreadable, "Input/output error")
        return super().read(found, most_bytes)


class Unread(FolderSource):
    """A folder of which no file may be read."""

    def read(self, found: Found, most_bytes: int) -> Outcome:
        pytest.fail(f"{found.path} was read")


def test_packing_twice_reads_and_makes_nothing_twice(home: Home, inbox: Path) -> None:
    write(inbox, "a/1.png", "2.png")
    first = home.pack(inbox)

    again = home.pack(Unread(inbox))

    assert again.segments == first.segments
    assert (first.fresh, again.fresh) == (list(first.segments), [])


def test_files_that_were_only_touched_are_read_and_not_packed_again(home: Home, inbox: Path) -> None:
    write(inbox, "1.png", "2.png")
    first = home.pack(inbox)
    os.utime(inbox / "1.png", (1, 1))

    assert home.pack(inbox).segments == first.segments
    assert home.captures.segments() == list(first.segments)


def test_another_home_makes_segments_of_the_same_names_whatever_the_times(
    home: Home, inbox: Path, tmp_path: Path
) -> None:
    write(inbox, "1.png", "a/2.png")
    first = home.pack(inbox)
    os.utime(inbox / "1.png", (1, 1))

    assert Home(tmp_path / "another").pack(inbox).segments == first.segments


def test_a_new_and_a_changed_file_are_packed_alone(home: Home, inbox: Path) -> None:
    write(inbox, "1.png", "2.png", "3.png")
    (first,) = home.pack(inbox).segments
    (inbox / "2.png").write_bytes(PNG + b"another")
    write(inbox, "0.png")

    packed = home.pack(inbox)

    (fresh,) = packed.fresh
    assert names_of(home, fresh) == ["0.png", "2.png"]
    assert packed.segments == {first: 2, fresh: 2}


def test_a_segment_that_the_store_has_lost_is_packed_again(home: Home, inbox: Path) -> None:
    write(inbox, "1.png")
    first = home.pack(inbox)
    shutil.rmtree(home.folder / "objects")

    assert home.pack(inbox).fresh == list(first.segments)
    assert home.captures.segments() == list(first.segments)


def test_a_segment_ends_at_its_number_of_images(home: Home, inbox: Path) -> None:
    write(inbox, *(f"{number}.png" for number in range(5)))

    packed = home.pack(inbox, segment_images=2)

    assert list(packed.segments.values()) == [2, 2, 1]
    assert [names_of(home, key) for key in packed.segments] == [["0.png", "1.png"], ["2.png", "3.png"], ["4.png"]]


def test_a_segment_ends_at_its_number_of_bytes_unless_one_file_is_larger(home: Home, inbox: Path) -> None:
    for name, size in {"1.png": 60, "2.png": 40, "3.png": 50, "4.png": 51, "5.png": 300, "6.png": 10}.items():
        (inbox / name).write_bytes(bytes(size))

    packed = home.pack(inbox, segment_bytes=100)

    assert [names_of(home, key) for key in packed.segments] == [
        ["1.png", "2.png"], ["3.png"], ["4.png"], ["5.png"], ["6.png"]
    ]  # fmt: skip


def test_labels_and_told_times_travel_and_make_another_segment(home: Home, inbox: Path) -> None:
    write(inbox, "1.png", "2.png")
    plain = home.pack(inbox)
    (inbox / "metadata.csv").write_text("file,label,captured_at\n1.png,cat,2026-03-01\n")
    told = home.pack(inbox)

    (fresh,) = told.fresh
    assert [(each.name, each.label, each.captured_at) for each in home.captures.read(fresh)] == [
        ("1.png", "cat", datetime(2026, 3, 1, tzinfo=UTC))
    ]
    (inbox / "metadata.csv").write_text("file,label,captured_at\n1.png,cat,2026-03-02\n")
    later = home.pack(inbox)
    assert len({*plain.segments, *told.segments, *later.segments}) == 3


@pytest.mark.parametrize(("subfolders", "expected"), [("kind", ("inbox", "cats")), ("none", ("inbox", ""))])
def test_the_setting_says_what_a_sub_folder_is(
    home: Home, inbox: Path, subfolders: str, expected: tuple[str, str]
) -> None:
    write(inbox, "cats/1.png")

    (image,) = home.images(home.pack(inbox, subfolders=subfolders)).values()  # type: ignore[arg-type]

    assert (image.source, image.label) == expected


def test_names_with_any_bytes_are_stored_as_one_line_of_utf_8_each_its_own(home: Home, inbox: Path) -> None:
    odd = [b"caf\xe9.png", b"caf\xe8.png", b"caf\\xe9.png", b"two\nlines.png", "zwei Wörter.png".encode()]
    for number, name in enumerate(odd):
        (inbox / os.fsdecode(name)).write_bytes(PNG + bytes([number]))
    (inbox / os.fsdecode(b"\xffshop")).mkdir()
    (inbox / os.fsdecode(b"\xffshop") / "1.png").write_bytes(PNG)

    packed = home.pack(inbox)

    assert {name: each.data[len(PNG) :] for name, each in home.images(packed).items()} == {
        "caf\\xe9.png": b"\x00", "caf\\xe8.png": b"\x01", "caf\\\\xe9.png": b"\x02", "two\\nlines.png": b"\x03",
        "zwei Wörter.png": b"\x04", "\\xffshop/1.png": b"",
    }  # fmt: skip
    assert home.images(packed)["\\xffshop/1.png"].source == "\\xffshop"
    assert home.pack(inbox).fresh == []


def test_files_that_a_disk_does_not_give_are_named_and_the_rest_is_packed(home: Home, inbox: Path) -> None:
    names = [f"{number}.png" for number in range(6)]
    write(inbox, *names)
    broken = Broken(inbox)
    broken.broken = names[:5]

    packed = home.pack(broken)

    assert list(home.images(packed)) == ["5.png"]
    assert str(packed.tally.left_out[Left.unreadable]) == (
        "0.png (Input/output error), 1.png (Input/output error), 2.png (Input/output error) and 2 more"
    )
    assert home.pack(inbox).images == 6


def test_a_store_that_fills_half_way_keeps_whole_segments_and_the_next_run_goes_on(home: Home, inbox: Path) -> None:
    write(inbox, "1.png", "2.png", "3.png")
    begun: list[str] = []

    def full(name: str, moment: str) -> None:
        if (name, moment) == ("captures.segment", "before"):
            begun.append(name)
            if len(begun) == 3:
                raise StoreFull("no space left")

    with faults.installed(full), pytest.raises(StoreFull):
        home.pack(inbox, segment_images=1)

    assert len(home.captures.segments()) == 2
    again = home.pack(inbox, segment_images=1)
    assert (len(again.fresh), again.images) == (1, 3)


def test_what_is_not_complete_yet_is_left_for_the_next_time(home: Home, inbox: Path) -> None:
    write(inbox, "1.png", "2.png.part")

    def whole(found: Found) -> bool:
        return not found.path.endswith(".part")

    packed = home.pack(inbox, is_complete=whole)

    assert list(home.images(packed)) == ["1.png"]
    assert str(packed.tally.left_out[Left.waiting]) == "2.png.part"
    assert home.pack(inbox).images == 2
