"""The settings in force: every value, who said it, and what it is. A secret leaves this room as stars only."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, JsonValue

from deploy.configuration.fields import SettingField, SettingTable, read_tables
from deploy.configuration.kinds import as_json
from deploy.configuration.origins import DEFAULT
from deploy.configuration.problems import STARS, mask
from deploy.settings import Settings


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """A setting, its value as a settings file has it, and who said it: a variable, a file, or `DEFAULT`."""

    field: SettingField
    value: JsonValue
    origin: str

    @property
    def differs(self) -> bool:
        """Is it another value than the default?"""
        return self.origin != DEFAULT and (bool(self.field.default_in_words) or self.value != self.field.default)


@dataclass(frozen=True, slots=True)
class TableInForce:
    """A table, with the settings in force."""

    table: SettingTable
    settings: tuple[SettingInForce, ...]


def read_in_force(settings: Settings) -> tuple[TableInForce, ...]:
    """Every table that these settings have; of a model only that of its variant."""
    found = []
    for table in read_tables(Settings):
        holder = _holder(settings, table.name)
        if holder is None or not _is_of(holder, table.variant):
            continue
        told = tuple(
            SettingInForce(each, _shown(each, getattr(holder, each.word)), settings.said.origin(each.name))
            for each in table.fields
        )
        found.append(TableInForce(table, told))
    return tuple(found)


def read_defaults() -> tuple[TableInForce, ...]:
    """Every table that a settings file may have, with what holds where it says nothing."""
    return tuple(
        TableInForce(table, tuple(SettingInForce(each, each.default, DEFAULT) for each in table.fields))
        for table in read_tables(Settings)
    )


def _holder(settings: Settings, table: str) -> BaseModel | None:
    """The model that is this table now; None where the variant in force has no such table."""
    holder: BaseModel | None = settings
    for word in table.split(".") if table else ():
        holder = getattr(holder, word, None)
    return holder


def _is_of(holder: BaseModel, variant: str) -> bool:
    """Whether it is no other variant's table."""
    return not variant or dict(holder).get("variant", variant) == variant


def _shown(field: SettingField, value: object) -> JsonValue:
    if field.secret:
        return STARS if value is not None else None
    shown = as_json(value)
    return mask(shown) if isinstance(shown, str) else shown
