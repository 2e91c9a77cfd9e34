"""A variable is text, and means what the same word of the file means: every setting, found by walking the models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import JsonValue

from deploy.configuration.fields import SettingField, read_fields
from deploy.configuration.kinds import quoted
from deploy.settings import Settings, load_settings

OF_NUMBERS = [each for each in read_fields(Settings) if any(isinstance(one, int) for one in each.choices)]


pytestmark = pytest.mark.usefixtures("file")


def variable(name: str) -> str:
    return f"LATENTLOOP_{name.upper().replace('.', '__')}"


def text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize("field", OF_NUMBERS, ids=lambda each: f"{each.name} {each.variant}".strip())
def test_each_of_a_few_numbers_may_come_from_a_variable(field: SettingField, monkeypatch: pytest.MonkeyPatch) -> None:
    if field.variant:
        monkeypatch.setenv("LATENTLOOP_TRAINING__MODEL__VARIANT", field.variant)
    if field.name == "training.model.channels":
        monkeypatch.setenv("LATENTLOOP_PREPROCESSING__CHANNELS", "3")
    chosen = field.choices[-1]
    monkeypatch.setenv(variable(field.name), str(chosen))

    holder: object = load_settings()
    for word in field.name.split("."):
        holder = getattr(holder, word)

    assert holder == chosen


def test_a_number_of_a_few_may_stand_in_a_table_of_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_PREPROCESSING", '{"channels": 3, "height": 64}')

    assert load_settings().preprocessing.shape == (3, 64, 64)


@pytest.mark.parametrize("variant", ["vq_vae", "conv_vae"])
def test_every_setting_means_in_a_variable_what_it_means_in_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, variant: str
) -> None:
    fields = [each for each in read_fields(Settings) if each.variant in ("", variant) and each.default is not None]
    file.write_text("".join(f"{each.name} = {quoted(told(each))}\n" for each in fields))
    by_file = load_settings().model_dump()
    file.unlink()
    for each in fields:
        monkeypatch.setenv(variable(each.name), text(told(each)))

    assert load_settings().model_dump() == by_file
    assert by_file["training"]["model"]["variant"] == variant


def told(field: SettingField) -> JsonValue:
    """Another value than the default where that cannot contradict anything: each switch is turned."""
    return not field.default if isinstance(field.default, bool) else field.default
