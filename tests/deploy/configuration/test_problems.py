"""What is wrong with settings, in one line a problem: a renamed key names its successor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from deploy.configuration.fields import read_fields
from deploy.configuration.origins import NOTHING_SAID, gather_said
from deploy.configuration.problems import RENAMED, find_unknown_variables, say_problem, say_problems
from deploy.settings import Settings, SettingsError, load_settings
from tests.deploy.settled import empty_the_environment

TABLE = {"drift.alarm_days": "drift.budget_days", "name": "product"}
FIELDS = read_fields(Settings)


def _said(content: dict[str, object]) -> list[str]:
    told = gather_said({}, "LATENTLOOP_", content, Path("/shop/latentloop.toml"), {})
    try:
        Settings.model_validate(content)
    except ValidationError as error:
        return [say_problem(each, told, FIELDS, TABLE) for each in error.errors()]  # type: ignore[arg-type]
    return []


@pytest.fixture(autouse=True)
def no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_the_environment(tmp_path, monkeypatch)


def test_a_renamed_key_names_its_successor() -> None:
    assert _said({"drift": {"alarm_days": 60}, "name": "shoes"}) == [
        "drift.alarm_days: renamed to drift.budget_days; write that instead (set by /shop/latentloop.toml)",
        "name: renamed to product; write that instead (set by /shop/latentloop.toml)",
    ]


def test_a_renamed_variable_names_its_successor_and_others_stay_unknown() -> None:
    environment = {"LATENTLOOP_NAME": "shoes", "LATENTLOOP_PRODCUT": "shoes", "HOME": "/"}
    found = find_unknown_variables(environment, "LATENTLOOP_", FIELDS, (), TABLE)

    assert found["name"] == "LATENTLOOP_NAME: renamed; set LATENTLOOP_PRODUCT instead"
    assert [*found] == ["name", "prodcut"]
    assert "unknown setting" in found["prodcut"]


def test_a_key_that_was_never_one_is_not_called_renamed() -> None:
    (said,) = _said({"nom": "shoes"})
    assert "renamed" not in said
    assert said.startswith("nom: unknown setting")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('input_policy.formats = ["HEIC"]', ["input_policy.formats.0: expected 'PNG', "]),
        ("input_policy.formats = []", ["input_policy.formats: expected at least 1 entries; came []"]),
        ("preprocessing.height = true", ["preprocessing.height: expected a whole number; came True"]),
        ("preprocessing.width = 3", ["preprocessing.width: expected at least 4; came 3"]),
        (
            "preprocessing.height = 2\npreprocessing.width = 3",
            ["preprocessing.height: expected at least 4; came 2", "preprocessing.width: expected at least 4; came 3"],
        ),
        ("serving.decode_wait_s = false", ["serving.decode_wait_s: expected a number; came False"]),
    ],
)
def test_a_fault_is_told_once_and_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, expected: list[str]
) -> None:
    (tmp_path / "latentloop.toml").write_text(lines)
    monkeypatch.setenv("LATENTLOOP_CONFIG", str(tmp_path / "latentloop.toml"))
    with pytest.raises(SettingsError) as caught:
        load_settings()
    said = str(caught.value).splitlines()
    assert [line[: len(start)] for line, start in zip(said, expected, strict=True)] == expected


def test_sides_that_a_program_says_itself_are_both_told() -> None:
    errors = [
        {"type": "greater_than_equal", "loc": ("preprocessing", each), "input": 3, "ctx": {"ge": 4}}
        for each in ("height", "width")
    ]
    assert len(say_problems(errors, NOTHING_SAID, FIELDS)) == 2


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
