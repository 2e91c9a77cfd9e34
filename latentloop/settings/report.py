"""`latentloop settings`: what holds here, who said it, and whether the installation works with the same."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, JsonValue

from deploy.configuration.digest import settings_digest
from deploy.configuration.fields import SettingField
from deploy.configuration.near import ask, find_near
from deploy.configuration.reference import SettingInForce, TableInForce, read_defaults, read_in_force
from deploy.settings import Settings, SettingsError
from deploy.wiring import open_database


class SettingLine(BaseModel):
    """One setting. `default` is None where none is set, and in words where each machine has its own."""

    model_config = ConfigDict(frozen=True)

    name: str
    variant: str
    value: JsonValue
    origin: str
    default: JsonValue
    differs: bool
    unit: str
    kind: str
    bounds: str
    description: str
    decides: bool


class SettingsReport(BaseModel):
    """What `--json` prints. `file`, `digest` and `installation` are None where the defaults alone are shown."""

    model_config = ConfigDict(frozen=True)

    schema_version: int = 1
    file: str | None
    digest: str | None
    installation: str | None
    settings: tuple[SettingLine, ...]


def report_in_force(settings: Settings, tables: Sequence[TableInForce]) -> SettingsReport:
    """Those of these tables, with file, digest and the word of the installation."""
    file = str(settings.file) if settings.file is not None else None
    return SettingsReport(
        file=file, digest=settings_digest(settings), installation=ask_installation(settings), settings=_lines(tables)
    )


def report_defaults(tables: Sequence[TableInForce]) -> SettingsReport:
    """What a settings file may say."""
    return SettingsReport(file=None, digest=None, installation=None, settings=_lines(tables))


def choose_tables(settings: Settings | None, names: Sequence[str]) -> tuple[TableInForce, ...]:
    """The settings in force, or the defaults where None is given: those of these tables or names, all where none is.

    `SettingsError` for a name that is no setting.
    """
    tables = read_in_force(settings) if settings is not None else read_defaults()
    if not names:
        return tables
    fields = [each.field for table in tables for each in table.settings]
    if unknown := [_say_unknown(name, fields) for name in names if not any(_within(each, name) for each in fields)]:
        raise SettingsError("\n".join(unknown))
    chosen = (
        TableInForce(each.table, tuple(one for one in each.settings if any(_within(one.field, name) for name in names)))
        for each in tables
    )
    return tuple(each for each in chosen if each.settings)


def ask_installation(settings: Settings) -> str:
    """Does what runs from this home work with the same? Opens nothing where nothing runs."""
    from deploy.configuration.in_force import find_disagreement
    from deploy.stores.errors import StoreError
    from deploy.stores.sql.ledger import Ledger
    from latentloop.installation.running import WAY_OUT, read_installation

    if read_installation(settings.home) is None:
        return f"no installation runs from {settings.home}"
    try:
        disagreement = find_disagreement(Ledger(open_database(settings)), settings, WAY_OUT)
    except StoreError as error:
        return f"what the installation of {settings.home} works with is unknown: {error}"
    return disagreement or f"the installation that runs from {settings.home} works with the same"


def _within(field: SettingField, name: str) -> bool:
    return field.name == name or field.name.startswith(f"{name}.")


def _say_unknown(name: str, fields: Sequence[SettingField]) -> str:
    known = {each.name for each in fields} | {each.table for each in fields if each.table}
    return f"{name}: no such setting here{ask(find_near(name, known))}"


def _lines(tables: Sequence[TableInForce]) -> tuple[SettingLine, ...]:
    return tuple(_line(each) for table in tables for each in table.settings)


def _line(setting: SettingInForce) -> SettingLine:
    field = setting.field
    return SettingLine(
        name=field.name,
        variant=field.variant,
        value=field.default_in_words if setting.value is None and field.default_in_words else setting.value,
        origin=setting.origin,
        default=field.default_in_words or field.default,
        differs=setting.differs,
        unit=field.unit,
        kind=field.kind,
        bounds=field.bounds,
        description=field.description,
        decides=field.decides,
    )
