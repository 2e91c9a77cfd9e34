"""What is wrong with settings, one line a problem; no secret is printed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

SECRET_WORDS = ("key", "secret", "token", "password", "auth")

RENAMED: Mapping[str, str] = {}
"""Old dotted key -> its successor, so that who upgrades is told the new word."""


def find_unknown_variables(
    names: Iterable[str], prefix: str, known: Collection[str], renamed: Mapping[str, str] = RENAMED
) -> Iterator[str]:
    """pydantic-settings ignores a misspelt variable; a misspelt threshold must not pass for the default.

    `known`: the words after the prefix, in small letters.
    """
    for name in sorted(names):
        if name.startswith(prefix) and name.removeprefix(prefix).split("__")[0].lower() not in known:
            successor = renamed.get(name.removeprefix(prefix).lower().replace("__", "."))
            if successor is not None:
                yield f"{name}: renamed; set {_variable(prefix, successor)} instead"
            else:
                yield f"{name}: unknown setting in the environment; known are {', '.join(sorted(known))}"


def say_problem(error: dict[str, Any], file: str, prefix: str, renamed: Mapping[str, str] = RENAMED) -> str:
    """One of pydantic's errors with the place, what came, and by what it was set; `file`: the one read, and "or"."""
    place = ".".join(str(part) for part in _named(error["loc"])) or "settings"
    if error["type"] == "extra_forbidden" and place in renamed:
        new = renamed[place]
        return f"{place}: renamed to {new}; write that instead (set by {file}{_variable(prefix, place)})"
    # a secret under a misspelt name or of a wrong type is a secret still
    hidden = isinstance(error["input"], dict) or any(word in place.lower() for word in SECRET_WORDS)
    came = "" if hidden else f"; came {error['input']!r}"
    return f"{place}: {error['msg']}{came} (set by {file}{_variable(prefix, place)})"


def _variable(prefix: str, place: str) -> str:
    return f"{prefix}{place.upper().replace('.', '__')}"


def _named(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The words that the file has: pydantic puts the variant of a model between them."""
    if location[:2] == ("training", "model"):
        return (*location[:2], *location[3:])
    return location
