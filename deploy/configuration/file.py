"""Reads the settings file: what lies there is a file that can be read, and its text is TOML in UTF-8.

A mark of the byte order before the text, as Windows editors leave it, is skipped.
"""

from __future__ import annotations

import codecs
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

_OTHER_CODES = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class SettingsFileError(Exception):
    """One line: the file, what is wrong with it, and what to do."""


def read_settings_file(path: Path) -> dict[str, Any]:
    """What the file says.

    `SettingsFileError` for what is no TOML in UTF-8; `OSError` where the system does not give it out.
    """
    content = path.read_bytes()
    if content.startswith(_OTHER_CODES) or b"\0" in content:
        raise SettingsFileError(f"{path}: expected a text in UTF-8, found UTF-16 or no text: save it as UTF-8")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SettingsFileError(f"{path}: not valid TOML ({error}): save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsFileError(f"{path}: not valid TOML ({error}); mend it or move it away") from error


def is_there(path: Path) -> bool:
    """Is there a settings file? `SettingsFileError` for what is there and cannot be one; nothing is opened for it."""
    if path.is_file():
        return True
    if path.is_symlink() and not path.exists():
        raise SettingsFileError(
            f"{path}: a link that leads nowhere ({os.readlink(path)} is not there): mend the link, or remove it"
        )
    if path.is_dir():
        raise SettingsFileError(f"{path}: a folder, expected a settings file: move the folder away")
    if path.exists():
        raise SettingsFileError(f"{path}: {_kind_of(path)}, expected a regular file: move it away")
    return False


def _kind_of(path: Path) -> str:
    mode = path.stat().st_mode
    return "a named pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
