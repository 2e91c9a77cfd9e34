"""Where settings come from. A relative place counts from the folder of who says it: the file, or the working directory.

Processes of one installation run in different folders; what is absolute here means the same in each of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, TomlConfigSettingsSource

from deploy.configuration.fields import SettingField, read_fields
from deploy.configuration.file import read_settings_file
from deploy.configuration.urls import has_scheme

FOLDERS = ("home", "assets_folder", "fashion_mnist")
DATABASES = ("database_url", "telemetry_url")
URLS = ("objects_url", *DATABASES)
_SQLITE = "sqlite:///"


class EnvironmentSource(EnvSettingsSource):
    """`LATENTLOOP_*`; relative places count from the working directory."""

    def __call__(self) -> dict[str, Any]:
        """What the environment says."""
        values = super().__call__()
        for field in read_fields(self.settings_cls):
            if any(isinstance(each, int) for each in field.choices):
                _choose_number(values, field)
        return settle_places(values, Path.cwd())


class FileSource(TomlConfigSettingsSource):
    """`latentloop.toml`; relative places count from its folder."""

    def __init__(self, settings_cls: type[BaseSettings], file: Path | None) -> None:
        self._folder = file.parent if file is not None else Path.cwd()
        super().__init__(settings_cls, toml_file=file)

    def _read_file(self, file_path: Path | Traversable) -> dict[str, Any]:
        """As the settings themselves read it: no other encoding and no other line is refused here."""
        return read_settings_file(Path(str(file_path)))

    def __call__(self) -> dict[str, Any]:
        """What the file says; nothing where there is none."""
        return settle_places(super().__call__(), self._folder)


def _choose_number(values: dict[str, Any], field: SettingField) -> None:
    """A variable is text, and pydantic takes no text for one of a few numbers."""
    *tables, word = field.name.split(".")
    for table in tables:
        values = values.get(table, {})
        if not isinstance(values, dict):
            return
    for choice in field.choices:
        if values.get(word) == str(choice):
            values[word] = choice


def settle_places(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The same values with every relative place made absolute; what is no text is left to be refused."""
    settled = dict(values)
    for name in FOLDERS:
        if isinstance(there := settled.get(name), str) and there:
            settled[name] = str(_absolute(there, folder))
    for name in DATABASES:
        there = settled.get(name)
        if isinstance(there, str) and there.startswith(_SQLITE) and there != _SQLITE and ":memory:" not in there:
            settled[name] = _SQLITE + str(_absolute(there.removeprefix(_SQLITE), folder))
    there = settled.get("objects_url")
    if isinstance(there, str) and there and not has_scheme(there):
        settled["objects_url"] = str(_absolute(there, folder))
    return settled


def _absolute(path: str, folder: Path) -> Path:
    return Path(os.path.abspath(folder / Path(path).expanduser()))
