"""What one look of the doctor found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import ParamSpec

from pydantic import BaseModel, ConfigDict

from latentloop.known_errors import say_known_error

Told = ParamSpec("Told")


class Health(StrEnum):
    """How grave it is: nothing, worth knowing, or `latentloop up` would not start."""

    ok = "ok"
    note = "note"
    wrong = "wrong"


class Finding(BaseModel):
    """One thing that was looked at, and one line about it; what is not ok says what to do."""

    model_config = ConfigDict(frozen=True)

    name: str
    health: Health
    line: str


class Examination(BaseModel):
    """What `--json` prints."""

    model_config = ConfigDict(frozen=True)

    schema_version: int = 1
    findings: tuple[Finding, ...]

    @property
    def starts(self) -> bool:
        """Would `latentloop up` start, as far as one can see?"""
        return all(each.health is not Health.wrong for each in self.findings)


def ok(name: str, line: str) -> Finding:
    """All is well."""
    return Finding(name=name, health=Health.ok, line=line)


def note(name: str, line: str) -> Finding:
    """`up` starts, but a person should know."""
    return Finding(name=name, health=Health.note, line=line)


def wrong(name: str, line: str) -> Finding:
    """`up` does not start, or nothing works that it starts."""
    return Finding(name=name, health=Health.wrong, line=line)


def look(
    name: str, check: Callable[Told, Finding | Iterable[Finding]], *told: Told.args, **more: Told.kwargs
) -> Iterator[Finding]:
    """What a check finds; a known error that it ends in is a finding too, and the next check is made all the same."""
    try:
        found = check(*told, **more)
        yield from (found,) if isinstance(found, Finding) else found
    except Exception as error:
        if (sentence := say_known_error(error)) is None:
            raise
        yield wrong(name, sentence)
