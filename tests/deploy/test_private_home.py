"""Home and data are their user's alone: folders 0700, files 0600, whatever the umask was."""

from __future__ import annotations

import os
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from deploy.private_home import keep_private, make_private, tighten
from deploy.stores.catalogue import Catalogue
from deploy.stores.errors import StoreRefused
from deploy.stores.objects.captures import CapturedImage, CaptureStore
from deploy.stores.objects.local import LocalObjects
from deploy.stores.objects.release_file import generate_keys
from deploy.stores.sql.database import migrate, open_engine, writing
from deploy.stores.sql.schema import beats
from tests.deploy.stores.test_catalogue import accepted
from tests.upgrades.test_upgrade import ARCHIVE

NOW = datetime(2026, 11, 1, tzinfo=UTC)
IMAGE = CapturedImage("a.png", "camera-1", NOW, b"pixels")


@pytest.fixture(autouse=True)
def careless_umask() -> Iterator[None]:
    """A user whose files are everybody's; what a test changes is undone."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """The mode of everything in a folder, the folder itself included."""
    return {
        path.relative_to(folder).as_posix(): stat.S_IMODE(path.lstat().st_mode)
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink()
    }


def open_to_others(folder: Path) -> list[str]:
    return sorted(name for name, mode in modes(folder).items() if mode & 0o077)


def test_the_open_home_of_an_older_release_is_closed_and_keeps_its_content(tmp_path: Path) -> None:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    home = tmp_path / ".latentloop"
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert {".", "ledger.db", "telemetry.db", "objects/release/current.json"} <= set(open_to_others(home))

    make_private(home)

    assert open_to_others(home) == []
    assert modes(home)["."] == modes(home)["objects/captures"] == 0o700
    assert modes(home)["ledger.db"] == 0o600
    assert {path: path.read_bytes() for path in before} == before


def test_what_is_written_into_a_private_home_by_anybody_stays_private(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    make_private(home)
    Catalogue(LocalObjects(home / "objects"), "28x28").append_accepted(
        accepted("s", 3), ["s"]
    )  # Delta Lake writes for itself
    (home / "logs").mkdir()
    (home / "logs" / "up.log").write_text("a line")
    assert open_to_others(home) == []
    assert any(name.endswith(".parquet") for name in modes(home))


def test_the_stores_ask_for_their_modes_where_no_umask_helps(tmp_path: Path) -> None:
    captures = CaptureStore(LocalObjects(tmp_path / "objects"))
    captures.write("replica-a", 1, [IMAGE])
    captures.write_by_content([IMAGE])
    generate_keys(tmp_path / "secrets")
    engine = open_engine(f"sqlite:///{tmp_path}/databases/ledger.db")
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(insert(beats).values(name="a", at_us=1))
    found = modes(tmp_path)
    engine.dispose()
    assert {name: mode for name, mode in found.items() if mode & 0o077} == {}
    assert {"databases/ledger.db", "databases/ledger.db-wal", "databases/ledger.db-shm"} <= found.keys()
    assert found["objects"] == found["secrets"] == found["databases"] == 0o700


def test_an_open_database_of_an_older_release_is_closed_when_it_is_opened(tmp_path: Path) -> None:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    path = tmp_path / ".latentloop" / "ledger.db"
    path.chmod(0o644)
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_of_objects_that_somebody_shared_on_purpose_keeps_its_mode(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o750)
    LocalObjects(shared).put("a/b", b"x")
    assert (modes(shared)["."], modes(shared)["a"], modes(shared)["a/b"]) == (0o750, 0o700, 0o600)


def test_a_link_out_of_the_home_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"")
    home = tmp_path / "home"
    home.mkdir()
    (home / "folder").symlink_to(outside)
    (home / "file").symlink_to(outside / "file")
    (home / "dangling").symlink_to(outside / "none")
    make_private(home)
    assert modes(outside) == {".": 0o777, "file": 0o666}


def test_a_file_that_goes_meanwhile_is_none_of_our_business(tmp_path: Path) -> None:
    tighten(tmp_path / "gone")


def test_a_home_that_cannot_be_made_private_is_one_line() -> None:
    # the kernel's own files keep their modes, whoever asks
    said = r"^/proc/\d+/fdinfo(/\d+)?: it cannot be made private \(.*on a file system with modes$"
    with pytest.raises(StoreRefused, match=said):
        make_private(Path("/proc/self/fdinfo"))


def test_a_process_that_keeps_private_gives_its_umask_to_its_children(tmp_path: Path) -> None:
    keep_private()
    told = subprocess.run(["sh", "-c", "umask"], capture_output=True, text=True, timeout=400, check=True)
    assert int(told.stdout, 8) == 0o077
