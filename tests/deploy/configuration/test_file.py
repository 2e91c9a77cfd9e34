"""What lies where the settings file is looked for: a text that is TOML in UTF-8, or one line that says what it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.settings import load_settings
from tests.deploy.settled import problems


@pytest.mark.parametrize("content", [b"product = fashion", b"[training", b'product = "\xff"'])
def test_a_file_that_is_no_toml_is_refused_with_the_place(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    (problem,) = problems()

    assert problem.startswith(f"{file}: not valid TOML (")


def test_what_lies_there_and_can_be_no_settings_file_is_refused_and_never_waited_for(file: Path) -> None:
    file.symlink_to("shared.toml")
    assert problems() == [f"{file}: a link that leads nowhere (shared.toml is not there): mend the link, or remove it"]
    file.unlink()
    file.symlink_to(file.name)
    assert problems()[0].startswith(f"{file}: a link that leads nowhere (")
    file.unlink()
    file.mkdir()
    assert problems() == [f"{file}: a folder, expected a settings file: move the folder away"]
    file.rmdir()
    os.mkfifo(file)
    assert problems() == [f"{file}: a named pipe, expected a regular file: move it away"]


def test_a_link_that_leads_to_a_settings_file_is_followed(file: Path, tmp_path: Path) -> None:
    (tmp_path / "shared.toml").write_text('product = "shared"\n')
    file.symlink_to("shared.toml")

    assert load_settings().product == "shared"


def test_the_mark_that_windows_editors_put_before_a_text_is_skipped(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + 'product = "shop"\r\n# Größe\r\n'.encode())

    assert load_settings().product == "shop"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_a_file_in_another_encoding_is_one_line_that_names_ours(file: Path, encoding: str) -> None:
    file.write_bytes('product = "shop"  # Größe\n'.encode(encoding))

    (problem,) = problems()

    assert problem.startswith(f"{file}: ") and problem.endswith(": save it as UTF-8")
