"""The settings file: every line with its reason, valid before it is written, and written whole or not at all."""

from __future__ import annotations

import errno
import os
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from deploy.configuration.fields import read_fields
from deploy.configuration.kinds import quoted
from deploy.configuration.origins import NOTHING_SAID
from deploy.configuration.problems import say_problems
from deploy.settings import Settings
from latentloop.errors import InitRefused
from latentloop.init.proposing.reasoned import Reasoned
from latentloop.sources.names import storable

_WIDEST = 118


@dataclass(frozen=True, slots=True)
class Line:
    """A setting by its dotted name, its value, and why."""

    name: str
    value: JsonValue
    why: str

    @classmethod
    def of(cls, name: str, proposed: Reasoned[int] | Reasoned[float]) -> Line:
        """What was proposed, under its name."""
        return cls(name, proposed.value, proposed.why)


class _OnlyTheFile(Settings):
    """Settings that know no environment and no other file."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *others: object,
        **more: object,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is handed over."""
        return (init_settings,)


def write_text(heading: Iterable[str], lines: Iterable[Line]) -> str:
    """The file's text: a table after the other, in the order of the lines."""
    parts, table = [*(f"# {each}" for each in heading), ""], ""
    for line in lines:
        place, _, word = line.name.rpartition(".")
        if place != table:
            table = place
            parts += ["", f"[{place}]"]
        parts += _lines_of(word, line)
    return "\n".join(parts) + "\n"


def require_valid(text: str) -> None:
    """`InitRefused` with every problem, where these would be no settings."""
    try:
        _OnlyTheFile(**tomllib.loads(text))
    except ValidationError as error:
        fields = read_fields(Settings)
        problems = "; ".join(say_problems(error.errors(), NOTHING_SAID, fields))
        raise InitRefused(f"these settings contradict themselves, nothing was written: {problems}") from error


def require_place(path: Path) -> None:
    """`InitRefused` where the file is there already, or cannot be written."""
    if path.exists() or path.is_symlink():
        raise InitRefused(
            f"{path.absolute()} is there already and is never overwritten: move it away, or add --output FILE"
        )
    folder = path.absolute().parent
    if not folder.is_dir():
        raise InitRefused(f"{folder}: there is no such folder to write {path.name} in: make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InitRefused(f"{folder} cannot be written by this user: mend its rights, or add --output FILE")


def write_new(path: Path, text: str) -> None:
    """Write it whole, unless somebody else wrote one meanwhile."""
    path = path.absolute()
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _rename_to_new(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _rename_to_new(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        require_place(path)
        raise
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        require_place(path)  # a file system without links: whoever races here is one person at two terminals
        temporary.rename(path)


def _lines_of(word: str, line: Line) -> Iterator[str]:
    said, why = f"{word} = {quoted(line.value)}", storable(line.why)
    if len(said) + len(why) + 4 <= _WIDEST:
        yield f"{said}  # {why}"
    else:
        yield f"# {why}"
        yield said
