"""A secret is written once, for its owner alone; whoever may not read or write it is told so in one line."""

from __future__ import annotations

import stat
from pathlib import Path

from deploy.stores.secret_file import read_secret, write_once
from tests.deploy.stores.one_line import refusal_in_process

USE = "from pathlib import Path; from deploy.stores.secret_file import read_secret, write_once; "


def test_who_comes_second_leaves_the_secret_as_it_is_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "word"
    write_once(path, b"first")
    write_once(path, b"second")
    assert read_secret(path) == b"first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["word"]


def test_a_secret_of_somebody_else_is_refused_in_one_line(tmp_path: Path, obeying: list[str]) -> None:
    path = tmp_path / "word"
    write_once(path, b"first")
    path.chmod(0)
    said = refusal_in_process(obeying, f"{USE}read_secret(Path({str(path)!r}))")
    assert said == f"StoreRefused {path}: the key file cannot be read (Permission denied); check its owner"


def test_a_folder_in_which_nobody_may_write_takes_no_secret(tmp_path: Path, obeying: list[str]) -> None:
    (tmp_path / "secrets").mkdir(mode=0o500)
    path = tmp_path / "secrets" / "word"
    said = refusal_in_process(obeying, f"{USE}write_once(Path({str(path)!r}), b'first')")
    assert said == f"StoreRefused {path}: the key file cannot be written (Permission denied); check it"
