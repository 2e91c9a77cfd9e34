"""A folder of files becomes segments that are named by their content."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.stores.captures import CaptureStore
from deploy.stores.objects import open_objects
from latentloop import packing
from latentloop.errors import NothingToDo
from latentloop.packing import pack_folder


@pytest.fixture
def captures(tmp_path: Path) -> CaptureStore:
    return CaptureStore(open_objects(str(tmp_path / "objects")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "incoming"
    for name in ("shop-a/1.png", "shop-a/2.png", "shop-b/deep/3.png", "4.png", ".hidden", "shop-a/.DS_Store"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def quiet(line: str) -> None:
    """Say nothing."""


def test_each_file_is_packed_once_with_its_bytes_and_the_source_that_its_folder_names(
    folder: Path, captures: CaptureStore
) -> None:
    (key,) = pack_folder(folder, captures, quiet)

    packed = {each.name: (each.source, each.data) for each in captures.read(key)}
    assert packed == {
        "4.png": ("incoming", b"4.png"),
        "shop-a/1.png": ("shop-a", b"shop-a/1.png"),
        "shop-a/2.png": ("shop-a", b"shop-a/2.png"),
        "shop-b/deep/3.png": ("shop-b/deep", b"shop-b/deep/3.png"),
    }


def test_a_folder_that_is_named_by_a_dot_still_names_its_source(
    folder: Path, captures: CaptureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "shop-b" / "deep")

    (key,) = pack_folder(Path("."), captures, quiet)

    assert [(each.name, each.source) for each in captures.read(key)] == [("3.png", "deep")]


def test_packing_twice_makes_nothing_twice_even_when_the_files_were_touched(
    folder: Path, captures: CaptureStore
) -> None:
    first = pack_folder(folder, captures, quiet)
    os.utime(folder / "4.png", (1, 1))

    assert pack_folder(folder, captures, quiet) == first
    assert captures.segments() == first


def test_one_changed_byte_makes_another_segment(folder: Path, captures: CaptureStore) -> None:
    first = pack_folder(folder, captures, quiet)
    (folder / "4.png").write_bytes(b"5.png")

    assert pack_folder(folder, captures, quiet) != first
    assert len(captures.segments()) == 2


@pytest.mark.parametrize(("files", "segments", "line"), [(21, 11, "20 of 21"), (19, 10, "19 of 19")])
def test_a_large_folder_is_packed_in_segments_and_says_how_far_it_is(
    tmp_path: Path, captures: CaptureStore, monkeypatch: pytest.MonkeyPatch, files: int, segments: int, line: str
) -> None:
    monkeypatch.setattr(packing, "SEGMENT_IMAGES", 2)
    (tmp_path / "many").mkdir()
    for number in range(files):
        (tmp_path / "many" / f"{number:02d}.png").write_bytes(b"%d" % number)
    said: list[str] = []

    keys = pack_folder(tmp_path / "many", captures, said.append)

    assert [len(captures.read(key)) for key in keys] == [2] * (segments - 1) + [1]
    assert said == [f"{line} files packed"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "expected a folder of image files, found nothing"),
        (lambda path: path.write_bytes(b"x"), "expected a folder of image files, found a file"),
        (lambda path: path.mkdir(), "expected image files in it or below, found none"),
        (lambda path: (path / "deep").mkdir(parents=True), "expected image files in it or below, found none"),
    ],
    ids=["missing", "a file", "empty", "folders only"],
)
def test_what_is_no_folder_of_files_is_said_in_one_line(
    tmp_path: Path, captures: CaptureStore, make: object, message: str
) -> None:
    path = tmp_path / "incoming"
    make(path)  # type: ignore[operator]

    with pytest.raises(NothingToDo) as refused:
        pack_folder(path, captures, quiet)

    assert str(refused.value) == f"{path}: {message}"
    assert captures.segments() == []


# permissions would be another way, but root, as whom containers run, reads every file
def test_a_file_that_a_broken_disk_does_not_give_is_named_and_what_was_packed_is_kept(
    folder: Path, captures: CaptureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = folder / "shop-b" / "deep" / "3.png"
    read_bytes = Path.read_bytes

    def failing(path: Path) -> bytes:
        if path == broken:
            raise OSError(5, "Input/output error")
        return read_bytes(path)

    monkeypatch.setattr(packing, "SEGMENT_IMAGES", 1)
    with monkeypatch.context() as disk:
        disk.setattr(Path, "read_bytes", failing)
        with pytest.raises(NothingToDo) as refused:
            pack_folder(folder, captures, quiet)

    assert str(refused.value).startswith(f"{broken}: cannot be read (Input/output error): mend it or move it away")
    assert "\n" not in str(refused.value)
    assert len(captures.segments()) == 3
    assert len(pack_folder(folder, captures, quiet)) == 4
    assert len(captures.segments()) == 4


def test_a_sub_folder_that_cannot_be_listed_is_not_passed_over_in_silence(
    folder: Path, captures: CaptureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: str | Path) -> object:
        if str(path).endswith("shop-b"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(NothingToDo, match=r"shop-b: cannot be listed \(Permission denied\)"):
        pack_folder(folder, captures, quiet)
