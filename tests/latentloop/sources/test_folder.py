"""A folder is walked whole, and whatever is left out is named."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from latentloop.errors import NothingToDo
from latentloop.sources.folder import FolderSource
from latentloop.sources.found import Content, Found, NoImage, TooLarge, Unreadable
from latentloop.sources.tally import Left, Named, Tally
from tests.latentloop.sources.places import PNG, write


def look(folder: Path, own_home: Path | None = None) -> tuple[list[str], Tally]:
    tally = Tally()
    return [each.path for each in FolderSource(folder, own_home).look(tally)], tally


def read(folder: Path, name: str, most_bytes: int = 1000) -> object:
    source = FolderSource(folder)
    (found,) = (each for each in source.look(Tally()) if each.path == name)
    return source.read(found, most_bytes)


def test_paths_come_in_the_order_of_their_bytes_like_the_keys_of_a_bucket(inbox: Path) -> None:
    names = ["b.png", "a/2.png", "a.png", "a-1.png", "a/b/1.png", "ä.png", "Z.png", "a0"]
    write(inbox, *names)

    assert look(inbox)[0] == sorted(names, key=os.fsencode)


def test_hidden_files_and_folders_are_left_out_and_counted(inbox: Path) -> None:
    write(inbox, "1.png", ".thumbnails/1.png", ".ipynb_checkpoints/1.png", "__MACOSX/a/1.png", "a/._1.png", "a/2.png")

    paths, tally = look(inbox)

    assert paths == ["1.png", "a/2.png"]
    assert tally.left_out[Left.hidden] == Named(count=4, first=(".ipynb_checkpoints", ".thumbnails", "__MACOSX"))


def test_links_are_not_followed_and_a_linked_folder_is_named(inbox: Path, tmp_path: Path) -> None:
    write(inbox, "a/1.png")
    write(tmp_path, "elsewhere/secret.png")
    (inbox / "key.png").symlink_to(tmp_path / "elsewhere" / "secret.png")
    (inbox / "twice.png").symlink_to(inbox / "a" / "1.png")
    (inbox / "shelf").symlink_to(tmp_path / "elsewhere")
    (inbox / "a" / "loop").symlink_to(inbox)
    (inbox / "dangling.png").symlink_to(inbox / "nowhere")

    paths, tally = look(inbox)

    assert paths == ["a/1.png"]
    assert set(tally.left_out[Left.link].first) == {"key.png", "twice.png", "dangling.png"}
    assert tally.left_out[Left.linked_folder] == Named(count=2, first=("a/loop", "shelf"))


def test_a_folder_that_is_named_by_a_link_is_the_folder(inbox: Path, tmp_path: Path) -> None:
    write(inbox, "1.png")
    (tmp_path / "link").symlink_to(inbox)

    source = FolderSource(tmp_path / "link")

    assert (source.place, source.name) == (str(inbox), "inbox")
    assert [each.path for each in source.look(Tally())] == ["1.png"]


def test_pipes_and_sockets_are_not_opened(inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(inbox / "pipe.png")
    monkeypatch.chdir(inbox)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.png")
        paths, tally = look(inbox)

    assert paths == []
    assert tally.left_out == {Left.no_file: Named(count=2, first=("pipe.png", "socket.png"))}


def test_a_file_that_became_a_pipe_or_a_link_since_it_was_found_is_not_waited_for_nor_followed(
    inbox: Path, tmp_path: Path
) -> None:
    write(inbox, "pipe.png", "link.png")
    source = FolderSource(inbox)
    link, pipe = source.look(Tally())
    (inbox / "pipe.png").unlink()
    os.mkfifo(inbox / "pipe.png")
    (inbox / "link.png").rename(tmp_path / "outside.png")
    (inbox / "link.png").symlink_to(tmp_path / "outside.png")

    assert source.read(pipe, 1000) == Unreadable(Left.no_file, "")
    outcome = source.read(link, 1000)
    assert isinstance(outcome, Unreadable) and outcome.why is Left.unreadable


@pytest.fixture
def abyss(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The path of a file in more folders than a recursion reaches."""
    monkeypatch.chdir(inbox)
    for part in "d" * 1_050:
        os.mkdir(part)
        os.chdir(part)
    Path("1.png").write_bytes(PNG)
    yield "/".join([*"d" * 1_050, "1.png"])
    os.chdir(inbox)
    subprocess.run(["rm", "-rf", inbox / "d"], check=True)  # which pytest itself cannot


def test_a_folder_as_deep_as_paths_may_be_is_walked(inbox: Path, abyss: str) -> None:
    assert look(inbox)[0] == [abyss]


@pytest.fixture
def open_inbox() -> Iterator[Path]:
    """A folder that every user of the machine may enter, which is not so below pytest's own."""
    with tempfile.TemporaryDirectory(prefix="latentloop-inbox-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def as_a_plain_user() -> Iterator[None]:
    """Modes keep everybody out but root: root becomes nobody for a while."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(me)


def test_a_file_that_may_not_be_read_is_said_with_the_systems_reason(open_inbox: Path) -> None:
    write(open_inbox, "1.png")
    source = FolderSource(open_inbox)
    (found,) = source.look(Tally())
    (open_inbox / "1.png").chmod(0)

    with as_a_plain_user():
        outcome = source.read(found, 1000)

    assert outcome == Unreadable(Left.unreadable, "Permission denied")


def test_a_sub_folder_that_cannot_be_listed_is_named_and_the_rest_is_walked(open_inbox: Path) -> None:
    write(open_inbox, "locked/1.png", "open/2.png")
    (open_inbox / "open").chmod(0o755)
    (open_inbox / "locked").chmod(0)

    with as_a_plain_user():
        paths, tally = look(open_inbox)
    (open_inbox / "locked").chmod(0o700)

    assert paths == ["open/2.png"]
    assert tally.left_out == {Left.unreadable: Named(count=1, first=("locked/ (Permission denied)",))}


def test_the_home_of_the_installation_is_left_out(inbox: Path) -> None:
    write(inbox, "1.png", "home/artifacts/figure.png")

    paths, tally = look(inbox, inbox / "home")

    assert (paths, list(tally.left_out)) == (["1.png"], [Left.own_home])


def test_names_that_are_no_utf_8_and_names_of_two_lines_are_found_and_read(inbox: Path) -> None:
    odd = os.fsdecode(b"caf\xe9 \n.png")
    (inbox / odd).write_bytes(PNG)

    assert look(inbox)[0] == [odd]
    assert read(inbox, odd) == Content(PNG)


@pytest.mark.parametrize("name", ["photo", "photo.txt", "photo.dat"])
def test_an_image_is_known_by_its_first_bytes_whatever_its_name_says(inbox: Path, name: str) -> None:
    (inbox / name).write_bytes(PNG)

    assert read(inbox, name) == Content(PNG)


@pytest.mark.parametrize("name", ["labels.csv", "Thumbs.db", "notes", "archive.zip", ".DS_Store", "empty.txt"])
def test_what_is_no_image_by_name_nor_by_bytes_is_none(inbox: Path, name: str) -> None:
    (inbox / name).write_bytes(b"" if name.startswith("empty") else b"id,label\n")

    assert read(inbox, name) == NoImage()


@pytest.mark.parametrize("content", [b"", b"this is no image"])
def test_a_file_that_is_called_an_image_is_read_for_the_gate_to_judge(inbox: Path, content: bytes) -> None:
    (inbox / "1.png").write_bytes(content)

    assert read(inbox, "1.png") == Content(content)


def test_a_sparse_file_of_a_gigabyte_is_not_read(inbox: Path) -> None:
    (inbox / "sparse.png").touch()
    os.truncate(inbox / "sparse.png", 2**30)
    (inbox / "sparse.csv").touch()
    os.truncate(inbox / "sparse.csv", 2**30)

    assert read(inbox, "sparse.png") == TooLarge(2**30)
    assert read(inbox, "sparse.csv") == NoImage()


@pytest.mark.parametrize(("size", "outcome"), [(1000, Content), (1001, TooLarge)])
def test_the_limit_itself_is_allowed(inbox: Path, size: int, outcome: type) -> None:
    (inbox / "1.png").write_bytes(bytes(size))

    assert isinstance(read(inbox, "1.png"), outcome)


def test_a_file_that_went_since_it_was_found_is_left_for_another_time(inbox: Path) -> None:
    write(inbox, "1.png")
    source = FolderSource(inbox)
    (found,) = source.look(Tally())
    (inbox / "1.png").unlink()

    assert source.read(found, 1000) == Unreadable(Left.changing, "")


@contextmanager
def growing(path: Path) -> Iterator[None]:
    """Somebody appends to the file, a byte after the other, all the time."""
    ended = threading.Event()

    def append() -> None:
        with path.open("ab", buffering=0) as file:
            while not ended.is_set():
                file.write(b"x")

    thread = threading.Thread(target=append)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_file_that_grows_while_it_is_read_is_left_for_another_time(inbox: Path) -> None:
    write(inbox, "1.png")
    source, outcomes = FolderSource(inbox), []
    (found,) = source.look(Tally())

    with growing(inbox / "1.png"):
        # whether a byte comes between the beginning and the end of one read is up to the machine
        while Unreadable(Left.changing, "") not in outcomes and len(outcomes) < 10_000:
            outcomes.append(source.read(found, 2**30))

    assert outcomes[-1] == Unreadable(Left.changing, "")
    assert source.read(found, 2**30) == Content((inbox / "1.png").read_bytes()), "it is at rest"


def test_another_content_of_the_same_size_and_time_has_another_stamp(inbox: Path) -> None:
    write(inbox, "1.png")
    (before,) = FolderSource(inbox).look(Tally())
    times = (inbox / "1.png").stat()
    (inbox / "1.png").write_bytes(PNG + b"1.pnG")
    os.utime(inbox / "1.png", ns=(times.st_atime_ns, times.st_mtime_ns))
    (after,) = FolderSource(inbox).look(Tally())

    assert isinstance(before, Found)
    assert (before.size_bytes, before.changed_at) == (after.size_bytes, after.changed_at)
    assert before.stamp != after.stamp


def test_a_file_from_before_all_calendars_has_some_time(inbox: Path) -> None:
    write(inbox, "1.png")
    os.utime(inbox / "1.png", (0, -(2**40)))

    (found,) = FolderSource(inbox).look(Tally())

    assert found.changed_at.tzinfo is not None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "expected a folder of image files, found nothing; "),
        (lambda path: path.write_bytes(b"x"), "expected a folder of image files, found one file: ingest its folder"),
    ],
    ids=["missing", "a file"],
)
def test_what_is_no_folder_is_said_in_one_line(tmp_path: Path, make: object, message: str) -> None:
    path = tmp_path / "photo.png"
    make(path)  # type: ignore[operator]

    with pytest.raises(NothingToDo) as refused:
        FolderSource(path)

    assert str(refused.value).startswith(f"{path}: {message}")


def test_a_folder_that_is_not_there_names_the_nearest_one_that_is_and_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "2024" / "photos").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(NothingToDo) as refused:
        FolderSource(Path("2024/pictures/shop"))

    assert str(refused.value) == (
        f"{tmp_path}/2024/pictures/shop: expected a folder of image files, found nothing; {tmp_path}/2024 exists and "
        "has photos in it: check the path"
    )


def test_an_archive_is_no_folder_and_the_line_says_to_unpack_it(inbox: Path) -> None:
    (inbox / "photos.zip").write_bytes(b"PK\x03\x04")

    with pytest.raises(NothingToDo, match="found a file: unpack it"):
        FolderSource(inbox / "photos.zip")
