"""What is wrong with settings, in one line a problem: a renamed key names its successor."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.settings import Settings
from deploy.settings_problems import RENAMED, find_unknown_variables, say_problem

TABLE = {"drift.alarm_days": "drift.budget_days", "name": "product"}


class _Drift(BaseModel):
    model_config = ConfigDict(extra="forbid")
    budget_days: float = 90.0


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")
    drift: _Drift = _Drift()
    product: str = "shoes"


def _said(content: dict[str, object]) -> list[str]:
    try:
        _Told.model_validate(content)
    except ValidationError as error:
        return [say_problem(dict(each), "latentloop.toml or ", "LATENTLOOP_", TABLE) for each in error.errors()]
    return []


def test_a_renamed_key_names_its_successor() -> None:
    assert _said({"drift": {"alarm_days": 60}, "name": "shoes"}) == [
        "drift.alarm_days: renamed to drift.budget_days; write that instead "
        "(set by latentloop.toml or LATENTLOOP_DRIFT__ALARM_DAYS)",
        "name: renamed to product; write that instead (set by latentloop.toml or LATENTLOOP_NAME)",
    ]


def test_a_renamed_variable_names_its_successor_and_others_stay_unknown() -> None:
    names = ["LATENTLOOP_NAME", "LATENTLOOP_NOM", "HOME"]
    assert list(find_unknown_variables(names, "LATENTLOOP_", {"product"}, TABLE)) == [
        "LATENTLOOP_NAME: renamed; set LATENTLOOP_PRODUCT instead",
        "LATENTLOOP_NOM: unknown setting in the environment; known are product",
    ]


def test_a_key_that_was_never_one_is_not_called_renamed() -> None:
    (said,) = _said({"nom": "shoes"})
    assert "renamed" not in said and said.startswith("nom: Extra inputs")


def test_every_successor_is_a_setting_of_today_and_no_old_key_is() -> None:
    assert _wrong(RENAMED) == []
    assert _wrong({"name": "product", "drift.days": "drift.nothing", "home": "product"}) == ["drift.days", "home"]


def _wrong(table: Mapping[str, str]) -> list[str]:
    return [old for old, new in table.items() if not _is_setting(new.split(".")) or _is_setting(old.split("."))]


def _is_setting(parts: list[str], model: type[BaseModel] = Settings) -> bool:
    field = model.model_fields.get(parts[0])
    if field is None or len(parts) == 1:
        return field is not None
    return isinstance(field.annotation, type) and _is_setting(parts[1:], field.annotation)
