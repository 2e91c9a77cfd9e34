"""What of the settings decides, and its digest: every process of an installation says which one it works with.

Product, preprocessing, training, clocks and policies decide. Where things are, who may enter, and what one machine
lends (device, threads, ports) do not: two machines of one installation differ in them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import JsonValue

from deploy.configuration.one_machine import OF_ONE_MACHINE

if TYPE_CHECKING:
    from deploy.settings import Settings

SHORT = 12  # letters that messages show of a digest
_NAMED_AT_MOST = 4


def deciding_values(settings: Settings) -> dict[str, JsonValue]:
    """Every value that decides, by its dotted name, sorted."""
    found: dict[str, JsonValue] = {}
    _gather(settings.model_dump(mode="json"), "", found)
    return dict(sorted(found.items()))


def digest_values(values: Mapping[str, JsonValue]) -> str:
    """The sha256 of the canonical JSON of `deciding_values`."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def settings_digest(settings: Settings) -> str:
    """Equal exactly when two settings decide alike."""
    return digest_values(deciding_values(settings))


def say_differences(here: Mapping[str, JsonValue], there: Mapping[str, JsonValue], other: str = "there") -> str:
    """The names that differ, with both values; empty where nothing does. `other` says whose the second values are."""
    names = [name for name in sorted({*here, *there}) if here.get(name, _ABSENT) != there.get(name, _ABSENT)]
    told = [
        f"{name} ({_shown(here, name)} here, {_shown(there, name)} {other})" for name in names[:_NAMED_AT_MOST]
    ]  # fmt: skip
    more = names[_NAMED_AT_MOST:]
    return ", ".join([*told, *more])


_ABSENT = object()


def _gather(values: Mapping[str, JsonValue], prefix: str, found: dict[str, JsonValue]) -> None:
    for name, value in values.items():
        place = f"{prefix}{name}"
        if place in OF_ONE_MACHINE:
            continue
        if isinstance(value, dict) and value:
            _gather(value, f"{place}.", found)
        else:
            found[place] = value


def _shown(values: Mapping[str, JsonValue], name: str) -> str:
    return json.dumps(values[name]) if name in values else "nothing"
