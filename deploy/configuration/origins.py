"""Who said a setting: a variable, the file, the program, or nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.configuration.following import FOLLOWED

DEFAULT = "default"
PROGRAM = "the program"
FOLLOWS = "follows "
"""Before the name of the setting that an unsaid one follows."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was said, by dotted names. `variables`: with the name of the variable; `words`: of the file."""

    variables: Mapping[str, str]
    words: frozenset[str]
    file: Path | None
    program: frozenset[str]

    def origin(self, name: str) -> str:
        """Who said this setting, or what it follows; `DEFAULT` where nobody said anything."""
        if name in self.program:
            return PROGRAM
        if (told := self._teller(name)) is None and (leader := self._leader(name)) is not None:
            return f"{FOLLOWS}{leader}"
        return told or DEFAULT

    def says(self, place: str) -> bool:
        """Did somebody say this very setting, which follows no other then?"""
        return place in self.program or self._teller(place) is not None

    def tellers(self, place: str) -> tuple[str, ...]:
        """Everybody who said this setting, something within this table, or the list that it is an entry of.

        Of what follows another: that one and who said it.
        """
        if place in self.program:
            return (PROGRAM,)
        if (told := self._teller(place)) is not None:
            return (told,)
        within = [each for name, each in sorted(self.variables.items()) if name.startswith(f"{place}.")]
        if any(name.startswith(f"{place}.") for name in self.words):
            within.append(str(self.file))
        within = within or self._followed_within(place)
        if not within and "." in place:
            return self.tellers(place.rpartition(".")[0])
        return tuple(dict.fromkeys(within))

    def _teller(self, name: str) -> str | None:
        return self.variables.get(name) or (str(self.file) if name in self.words else None)

    def _leader(self, name: str) -> str | None:
        return next((each for each in FOLLOWED.get(name, ()) if self._teller(each) is not None), None)

    def _followed_within(self, place: str) -> list[str]:
        leaders = (self._leader(name) for name in FOLLOWED if f"{name}.".startswith(f"{place}."))
        return [f"{leader} of {self._teller(leader)}" for leader in leaders if leader is not None]


NOTHING_SAID = Said({}, frozenset(), None, frozenset())


def gather_said(
    environment: Mapping[str, str], prefix: str, table: Mapping[str, Any], file: Path | None, program: Mapping[str, Any]
) -> Said:
    """From the variables of the environment, the table that the file is, and what the program itself says."""
    named = {dotted(name, prefix): name for name in environment if is_ours(name, prefix)}
    within = {
        f"{place}.{word}": name
        for place, name in named.items()
        for word in _words(table_in(environment[name]) or {}, "")
    }
    return Said({**within, **named}, frozenset(_words(table, "")), file, frozenset(program))


def is_ours(variable: str, prefix: str) -> bool:
    """Is it a variable of this product? Their letters may be small."""
    return variable.upper().startswith(prefix)


def dotted(variable: str, prefix: str) -> str:
    """`LATENTLOOP_TRAINING__THREADS` as `training.threads`."""
    return variable[len(prefix) :].lower().replace("__", ".")


def table_in(text: str) -> dict[str, Any] | None:
    """The whole table that a variable may hold as JSON; None where it holds none."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def is_list_in(text: str) -> bool:
    """Does a variable hold a list as JSON, or null for none?"""
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return found is None or isinstance(found, list)


def _words(table: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _words(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"
