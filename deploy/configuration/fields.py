"""Every setting with its default, unit, bounds and description, read from the models that check them."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo

from deploy.configuration.following import FOLLOWED
from deploy.configuration.kinds import as_json, bounds_of, choices_of, is_list, is_secret, kind_of
from deploy.configuration.one_machine import OF_ONE_MACHINE
from deploy.configuration.units import unit_of
from vae_core.families.configs import configs_in
from vae_core.families.registry import FAMILIES


@dataclass(frozen=True, slots=True)
class SettingField:
    """One setting. `variant` names the kind of model that has it, where not every one does.

    `follows`: the setting that it equals where nobody says it and that one is said; empty where there is none.

    `default`: as in a settings file, None where none is set; in words (`default_in_words`) where each machine has its
    own. `unit`: of a number, else empty. `decides`: is it part of the digest that an installation agrees on?
    """

    name: str
    variant: str
    kind: str
    default: JsonValue
    default_in_words: str
    unit: str
    bounds: str
    description: str
    choices: tuple[JsonValue, ...]
    many: bool
    secret: bool
    decides: bool
    follows: str

    @property
    def table(self) -> str:
        """The table of the file, dotted; empty at its top."""
        return self.name.rpartition(".")[0]

    @property
    def word(self) -> str:
        """The name within its table."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class SettingTable:
    """A table of the file; where it may be of several kinds there is one for each.

    `chosen`: is it the kind that holds where the file says nothing?
    """

    name: str
    variant: str
    chosen: bool
    description: str
    fields: tuple[SettingField, ...]


def read_tables(model: type[BaseModel]) -> tuple[SettingTable, ...]:
    """Every table in the order of the models, the top first."""
    return _tables(model, tuple(FAMILIES))


def read_fields(model: type[BaseModel]) -> tuple[SettingField, ...]:
    """Every setting, in the order of the tables."""
    return _fields(model, tuple(FAMILIES))


@cache
def _tables(model: type[BaseModel], _families: tuple[str, ...]) -> tuple[SettingTable, ...]:
    """Of the families that are known by now."""
    return tuple(_walk(model, None, "", "", True))


@cache
def _fields(model: type[BaseModel], _families: tuple[str, ...]) -> tuple[SettingField, ...]:
    return tuple(each for table in read_tables(model) for each in table.fields)


def _walk(
    model: type[BaseModel], defaults: BaseModel | None, place: str, variant: str, chosen: bool
) -> Iterator[SettingTable]:
    """The table of this model, then those within it. `defaults`: what the table is where nobody says anything."""
    prefix = f"{place}." if place else ""
    fields = {name: (field, _default(name, field, defaults)) for name, field in model.model_fields.items()}
    own = tuple(
        _read_field(f"{prefix}{name}", variant, field, default)
        for name, (field, default) in fields.items()
        if not _tables_in(field)
    )
    if own:
        yield SettingTable(place, variant, chosen, (model.__doc__ or "").partition("\n")[0], own)
    for name, (field, default) in fields.items():
        inner = _tables_in(field)
        for each in inner:
            kind = str(each.model_fields["variant"].default) if len(inner) > 1 else variant
            usual = isinstance(default, each)
            yield from _walk(each, default if usual else each(), f"{prefix}{name}", kind, chosen and usual)


def _default(name: str, field: FieldInfo, defaults: BaseModel | None) -> Any:
    if field.default_factory is not None:
        return None
    return field.default if defaults is None else getattr(defaults, name)


def _read_field(name: str, variant: str, field: FieldInfo, default: Any) -> SettingField:
    choices, kind = choices_of(field.annotation), kind_of(field.annotation)
    extra = field.json_schema_extra
    in_words = str(extra.get("default_in_words", "")) if isinstance(extra, Mapping) else ""
    return SettingField(
        name=name,
        variant=variant,
        kind=kind,
        default=None if in_words else as_json(default),
        default_in_words=in_words,
        unit=unit_of(name) if "number" in kind and not choices else "",
        bounds=bounds_of(field),
        description=" ".join((field.description or "").split()),
        choices=choices,
        many=is_list(field.annotation),
        secret=is_secret(field.annotation),
        decides=not any(name == each or name.startswith(f"{each}.") for each in OF_ONE_MACHINE),
        follows=next(iter(FOLLOWED.get(name, ())), ""),
    )


def _tables_in(field: FieldInfo) -> tuple[type[BaseModel], ...]:
    """The tables that a field may hold, one for each family where it holds a model; none where it holds a value."""
    return configs_in(field.metadata) or _models_in(field.annotation)


def _models_in(annotation: Any) -> tuple[type[BaseModel], ...]:
    """The tables that a field may hold; none where it holds a value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    if get_origin(annotation) in (Union, types.UnionType, Annotated):
        return tuple(each for part in get_args(annotation) for each in _models_in(part))
    return ()
