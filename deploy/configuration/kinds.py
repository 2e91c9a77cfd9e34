"""What a setting may be, in words: its kind, its bounds, and a value as a settings file has it."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import JsonValue, SecretStr
from pydantic.fields import FieldInfo

_KINDS: dict[Any, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}


def kind_of(annotation: Any) -> str:
    """What has to stand there, for a person: "a whole number", "a list of texts" and the like."""
    if (inner := _entry(annotation)) is not None:
        return f"a list, each {kind_of(inner)}"
    if choices := choices_of(annotation):
        return _KINDS[type(choices[0])]
    return _KINDS.get(without_none(annotation), "text")


def is_list(annotation: Any) -> bool:
    """Does the setting hold several values?"""
    return _entry(annotation) is not None


def is_secret(annotation: Any) -> bool:
    """Must its value never be shown?"""
    return without_none(annotation) is SecretStr


def choices_of(annotation: Any) -> tuple[JsonValue, ...]:
    """The only values that are allowed, of each entry of a list; empty where bounds alone count."""
    only = without_none(annotation)
    only = _entry(only) or only
    return get_args(only) if get_origin(only) is Literal else ()


def bounds_of(field: FieldInfo) -> str:
    """The bounds in words; empty where there are none."""
    choices = choices_of(field.annotation)
    said = [" or ".join(quoted(each) for each in choices)] if choices else []
    letters = kind_of(field.annotation) == "text"
    return ", ".join([*said, *(word for each in field.metadata if (word := _bound(each, letters)))])


def _bound(rule: Any, letters: bool) -> str:
    if isinstance(rule, Gt):
        return f"above {_number(rule.gt)}"
    if isinstance(rule, Ge):
        return f"at least {_number(rule.ge)}"
    if isinstance(rule, Lt):
        return f"below {_number(rule.lt)}"
    if isinstance(rule, Le):
        return f"at most {_number(rule.le)}"
    if isinstance(rule, MinLen):
        return "not empty" if rule.min_length == 1 else f"at least {rule.min_length} {_counted(letters)}"
    if isinstance(rule, MaxLen):
        return f"at most {rule.max_length} {_counted(letters)}"
    pattern = getattr(rule, "pattern", None)
    return f"matches {pattern}" if pattern else ""


def _counted(letters: bool) -> str:
    return "letters" if letters else "entries"


def _number(value: Any) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def without_none(annotation: Any) -> Any:
    """The annotation without "or None"."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(each for each in get_args(annotation) if each is not type(None))
    return annotation


def _entry(annotation: Any) -> Any | None:
    only = without_none(annotation)
    return get_args(only)[0] if get_origin(only) is tuple else None


def as_json(value: Any) -> JsonValue:
    """A value as a settings file would have it; a secret shows its stars."""
    if isinstance(value, tuple):
        return [as_json(each) for each in value]
    if isinstance(value, SecretStr | Path):
        return str(value)
    json: JsonValue = value
    return json


def quoted(value: JsonValue) -> str:
    """A value as TOML writes it, lists included; None, which TOML lacks, is said in words."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(quoted(each) for each in value)}]"
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return f'"{value}"' if isinstance(value, str) else f"{value:_}"
