"""What only the local folder has to prove: kills, leftovers, full disks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.stores.errors import InvalidKey, StoreFull, StoreRefused
from deploy.stores.faults import installed
from deploy.stores.objects.local import LocalObjects
from deploy.stores.objects.opening import open_objects
from tests.deploy.stores.one_line import refusal_in_process
from tests.deploy.stores.racing import kill_at, run_program


@pytest.mark.parametrize(
    ("point", "moment", "content"),
    [
        ("objects.put", "before", b"old"),
        ("objects.rename", "before", b"old"),
        ("objects.rename", "after", b"new"),
        ("objects.put", "after", b"new"),
    ],
)
def test_a_kill_leaves_the_old_or_the_new_object(tmp_path: Path, point: str, moment: str, content: bytes) -> None:
    LocalObjects(tmp_path).put("a", b"old")
    code = f"""
        from pathlib import Path
        from deploy.stores.objects.local import LocalObjects
        LocalObjects(Path({str(tmp_path)!r})).put("a", b"new")
    """
    kill_at(point, moment, code)
    store = LocalObjects(tmp_path)
    assert store.get("a").data == content
    assert store.keys("") == ["a"]
    store.put("a", b"newest")  # the dead process holds no lock
    assert store.get("a").data == b"newest"


def test_leftovers_of_a_killed_writer_are_swept_at_the_next_opening(tmp_path: Path) -> None:
    LocalObjects(tmp_path)
    leftover = tmp_path / ".store" / "tmp" / "half-written"
    leftover.write_bytes(b"x")
    assert LocalObjects(tmp_path).keys("") == []
    assert not leftover.exists()


def test_opening_the_store_spares_the_file_of_a_living_writer(tmp_path: Path) -> None:
    store = LocalObjects(tmp_path)

    def open_again(name: str, moment: str) -> None:
        if (name, moment) == ("objects.rename", "before"):
            LocalObjects(tmp_path)

    with installed(open_again):
        store.put("a", b"x")
    assert store.get("a").data == b"x"


def test_a_failed_write_leaves_no_temporary_file(tmp_path: Path) -> None:
    store = LocalObjects(tmp_path)

    def fail(name: str, moment: str) -> None:
        if name == "objects.rename":
            raise OSError(28, "No space left on device")

    with installed(fail), pytest.raises(StoreFull):
        store.put("a", b"x")
    assert list((tmp_path / ".store" / "tmp").iterdir()) == []


def test_a_key_cannot_be_the_folder_of_another(tmp_path: Path) -> None:
    store = LocalObjects(tmp_path)
    store.put("a/b", b"x")
    store.put("c", b"x")
    with pytest.raises(InvalidKey, match="rename it"):
        store.put("a", b"x")
    with pytest.raises(InvalidKey, match="rename it"):
        store.put("c/d", b"x")
    assert store.keys("") == ["a/b", "c"]


def test_a_folder_without_rights_is_refused(tmp_path: Path) -> None:
    store = LocalObjects(tmp_path)

    def refuse(name: str, moment: str) -> None:  # root may write everywhere: a folder's mode proves nothing
        if name == "objects.rename":
            raise PermissionError(13, "Permission denied")

    with installed(refuse), pytest.raises(StoreRefused, match="no right .*check owner and mode"):
        store.put("a", b"x")


def test_a_full_disk_says_so_in_one_line_and_changes_nothing(cramped: tuple[Path, str]) -> None:
    folder, limit = cramped
    LocalObjects(folder).put("a", b"old")
    script = f"""
from pathlib import Path
from deploy.stores.errors import StoreFull
from deploy.stores.objects.local import LocalObjects
store = LocalObjects(Path({str(folder)!r}))
{limit}
try:
    store.put("a", bytes(1_000_000))
except StoreFull as error:
    print(error)
"""
    done = run_program(script)
    assert done.stderr == ""
    assert "no space left" in done.stdout and done.stdout.count("\n") == 1
    store = LocalObjects(folder)
    assert store.get("a").data == b"old"
    assert list((folder / ".store" / "tmp").iterdir()) == []


def test_a_folder_of_objects_without_the_right_to_write_is_one_line(tmp_path: Path, obeying: list[str]) -> None:
    open_objects(str(tmp_path / "objects"))
    (tmp_path / "objects" / "captures").mkdir(mode=0o500)
    (tmp_path / "objects" / ".store" / "tmp").chmod(0o500)
    opened = (
        f"from deploy.stores.objects.opening import open_objects; store = open_objects({str(tmp_path / 'objects')!r}); "
    )
    said = refusal_in_process(obeying, f"{opened}store.require_conditional_writes()")
    assert re.search(r"^StoreRefused object .*: no right to do this \(Permission denied\); check owner and mode$", said)
    (tmp_path / "objects").chmod(0o500)
    said = refusal_in_process(
        obeying,
        f"from deploy.stores.objects.opening import open_objects; open_objects({str(tmp_path / 'objects' / 'a')!r})",
    )
    assert said.startswith(f"StoreRefused object {tmp_path / 'objects' / 'a'}: no right to do this")
