"""Settings by their dotted names: as the reference knows them, and as they are in force."""

from __future__ import annotations

from deploy.configuration.fields import SettingField, read_fields
from deploy.configuration.reference import SettingInForce, read_in_force
from deploy.settings import Settings, load_settings

FIELDS = read_fields(Settings)


def field(name: str, variant: str = "") -> SettingField:
    (found,) = (each for each in FIELDS if each.name == name and variant in ("", each.variant))
    return found


def in_force(**overrides: object) -> dict[str, SettingInForce]:
    return {each.field.name: each for table in read_in_force(load_settings(**overrides)) for each in table.settings}
