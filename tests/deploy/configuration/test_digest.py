"""The digest of settings: of what decides, and of nothing that two machines of one installation differ in."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from deploy.configuration.digest import deciding_values, digest_values, say_differences, settings_digest
from deploy.configuration.one_machine import OF_ONE_MACHINE
from deploy.settings import Settings, load_settings
from tests.deploy.settled import empty_the_environment


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    empty_the_environment(tmp_path, monkeypatch)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PRODUCT", "shop"),
        ("CLOCK_FACTOR", "0.5"),
        ("PREPROCESSING__FIT", "stretch"),
        ("INPUT_POLICY__MIN_VARIANCE", "0.002"),
        ("TRAINING__FULL__SEED", "8"),
        ("EVALUATION__N_IMAGES", "700"),
        ("GATE__FIRST_MIN_ACTIVE_UNITS", "3"),
        ("DELIVERY__CANARY_SHARE", "0.1"),
        ("DRIFT__COOLDOWN_S", "60"),
        ("NEW_KIND__MIN_IMAGES", "60"),
        ("CONTROLLER__RECONCILE_S", "5"),
        ("SERVING__MAX_IMAGES", "100"),
    ],
)
def test_what_decides_is_in_the_digest_also_where_a_variable_says_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = deciding_values(load_settings())
    monkeypatch.setenv(f"LATENTLOOP_{name}", value)

    after = deciding_values(load_settings())

    assert digest_values(after) != digest_values(before)
    assert [key for key in after if after[key] != before[key]] == [name.lower().replace("__", ".")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOME", "elsewhere"),
        ("DATABASE_URL", "postgresql://loop:word@db/loop"),
        ("TELEMETRY_URL", "postgresql://loop:word@db/rows"),
        ("OBJECTS_URL", "s3://bucket/here"),
        ("MLFLOW_URL", "http://registry:5000"),
        ("PREFECT_URL", "http://runs:4200/api"),
        ("SERVICE_URL", "http://service:8900"),
        ("S3__SECRET_KEY", "word"),
        ("TRAINING__DEVICE", "cuda"),
        ("TRAINING__THREADS", "8"),
        ("SERVING__PORT", "9999"),
        ("SERVING__HOST", "0.0.0.0"),
        ("SERVING__REPLICA", "second"),
    ],
)
def test_places_ports_devices_and_secrets_are_not_in_the_digest(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = settings_digest(load_settings())
    monkeypatch.setenv(f"LATENTLOOP_{name}", value)

    assert settings_digest(load_settings()) == before


def test_the_file_and_the_environment_make_the_same_digest_of_the_same_values(
    working_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (working_folder / "latentloop.toml").write_text('product = "shop"\n[input_policy]\nmin_variance = 0.002\n')
    said_by_file = settings_digest(load_settings())
    (working_folder / "latentloop.toml").unlink()
    monkeypatch.setenv("LATENTLOOP_PRODUCT", "shop")
    monkeypatch.setenv("LATENTLOOP_INPUT_POLICY__MIN_VARIANCE", "0.002")

    assert settings_digest(load_settings()) == said_by_file


def test_every_name_that_is_left_out_is_a_setting() -> None:
    values = {**deciding_values(load_settings()), **dict.fromkeys(OF_ONE_MACHINE)}

    assert all(_is_a_setting(Settings, name.split(".")) for name in values if not name.startswith("training.model."))


def test_no_secret_and_no_url_is_among_what_decides() -> None:
    names = [*deciding_values(load_settings())]

    assert not [name for name in names if name.endswith("_url") or name.split(".")[0] in _with_secrets()]


def test_differences_are_told_by_name_with_both_values_and_the_rest_by_name() -> None:
    here = {"a": 1, "b": "x", "c": [1], "d": 0.5, "e": None, "same": 3}
    there = {"a": 2, "b": "y", "c": [2], "d": 0.6, "same": 3}

    assert say_differences(here, there) == (
        'a (1 here, 2 there), b ("x" here, "y" there), c ([1] here, [2] there), d (0.5 here, 0.6 there), e'
    )
    assert say_differences({}, {"new": 1}, "before") == "new (nothing here, 1 before)"
    assert say_differences(here, here) == ""


def _is_a_setting(model: type[BaseModel], parts: list[str]) -> bool:
    if parts[0] not in model.model_fields:
        return False
    inner = model.model_fields[parts[0]].annotation
    if len(parts) == 1 or not (isinstance(inner, type) and issubclass(inner, BaseModel)):
        return True
    return _is_a_setting(inner, parts[1:])


def _with_secrets() -> set[str]:
    """The settings whose type holds a secret somewhere."""
    found = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    tables = {name: field.annotation for name, field in Settings.model_fields.items() if name not in found}
    found.update(
        name
        for name, table in tables.items()
        if isinstance(table, type) and issubclass(table, BaseModel)
        if any("SecretStr" in str(field.annotation) for field in table.model_fields.values())
    )
    assert "s3" in found
    return found
