"""What is wrong with settings, one line a problem; no secret is printed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

SECRET_WORDS = ("key", "secret", "token", "password", "auth")


def find_unknown_variables(names: Iterable[str], prefix: str, known: Collection[str]) -> Iterator[str]:
    """pydantic-settings ignores a misspelt variable; a misspelt threshold must not pass for the default.

    `known`: the words after the prefix, in small letters.
    """
    for name in sorted(names):
        if name.startswith(prefix) and name.removeprefix(prefix).split("__")[0].lower() not in known:
            yield f"{name}: unknown setting in the environment; known are {', '.join(sorted(known))}"


def say_problem(error: dict[str, Any], file: str, prefix: str) -> str:
    """One of pydantic's errors with the place, what came, and by what it was set; `file`: the one read, and "or"."""
    place = ".".join(str(part) for part in _named(error["loc"])) or "settings"
    # a secret under a misspelt name or of a wrong type is a secret still
    hidden = isinstance(error["input"], dict) or any(word in place.lower() for word in SECRET_WORDS)
    came = "" if hidden else f"; came {error['input']!r}"
    return f"{place}: {error['msg']}{came} (set by {file}{prefix}{place.upper().replace('.', '__')})"


def _named(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The words that the file has: pydantic puts the variant of a model between them."""
    if location[:2] == ("training", "model"):
        return (*location[:2], *location[3:])
    return location
