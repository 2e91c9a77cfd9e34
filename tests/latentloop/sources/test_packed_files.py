"""The note of what was packed is of one place and one store, whole or not at all, and may be lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.stores.errors import StoreUnavailable
from latentloop.sources.packed_files import FILE, PackedFile, PackedFiles

FILES = [PackedFile(path, "meant", "stamp", b"sha", "segment") for path in ("a.png", "caf\udce9.png", "x\ny.png")]


def test_a_file_is_found_in_its_own_place_and_store_alone(tmp_path: Path) -> None:
    note = PackedFiles(tmp_path, "/inbox", "store")
    note.note(FILES)
    note.close()

    again = PackedFiles(tmp_path, "/inbox", "store")
    others = [PackedFiles(tmp_path, *named) for named in (("/outbox", "store"), ("/inbox", "elsewhere"))]

    assert [again.find(each.path) for each in FILES] == FILES
    assert again.find("b.png") is None
    assert [other.find("a.png") for other in others] == [None, None]
    for each in (again, *others):
        each.close()


def test_a_file_that_is_noted_again_is_as_it_was_noted_last(tmp_path: Path) -> None:
    note = PackedFiles(tmp_path, "/inbox", "store")
    note.note(FILES)
    later = PackedFile("a.png", "meant", "later", b"other", "segment-2")
    note.note([later])

    assert note.find("a.png") == later
    note.close()


def test_a_note_that_is_no_database_is_said_in_one_line_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 100)

    with pytest.raises(StoreUnavailable, match=f"{tmp_path / FILE}: cannot be used .*delete it and run again"):
        PackedFiles(tmp_path, "/inbox", "store")
