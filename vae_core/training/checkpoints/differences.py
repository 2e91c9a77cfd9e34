"""What two configs have otherwise, in words: whoever is refused a checkpoint should not have to compare them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel


def describe_differences(found: BaseModel, asked: BaseModel) -> str:
    """Fields that both have, with the found value and the one that was asked for: `latent_dim 4 instead of 5`."""
    ours, theirs = _flat(found.model_dump()), _flat(asked.model_dump())
    return ", ".join(
        f"{name} {_word(ours[name])} instead of {_word(theirs[name])}"
        for name in ours
        if name in theirs and ours[name] != theirs[name]
    )


def describe_other(found: BaseModel, asked: BaseModel, words: Mapping[str, str]) -> list[str]:
    """Which fields of two identities differ, by their words where they have some; of configs also both values."""
    told = []
    for name in type(found).model_fields:
        ours, theirs = getattr(found, name), getattr(asked, name)
        if ours != theirs:
            values = f": {describe_differences(ours, theirs)}" if isinstance(ours, BaseModel) else ""
            told.append(words.get(name, name) + values)
    return told


def _flat(values: Mapping[str, object]) -> dict[str, object]:
    """Configs within configs by dotted names."""
    flat: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": each for inner, each in _flat(value).items()}
        else:
            flat[name] = value
    return flat


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
