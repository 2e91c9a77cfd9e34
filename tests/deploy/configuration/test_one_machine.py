"""The settings in which machines may differ: settings all of them, and none of them decides."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from deploy.configuration.digest import deciding_values, settings_digest
from deploy.configuration.one_machine import OF_ONE_MACHINE
from deploy.settings import Settings, load_settings
from tests.deploy.configuration.by_name import field

pytestmark = pytest.mark.usefixtures("file")


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


def test_every_name_that_is_left_out_is_a_setting() -> None:
    values = {**deciding_values(load_settings()), **dict.fromkeys(OF_ONE_MACHINE)}

    assert all(_is_a_setting(Settings, name.split(".")) for name in values if not name.startswith("training.model."))


def test_no_secret_and_no_url_is_among_what_decides() -> None:
    names = [*deciding_values(load_settings())]

    assert not [name for name in names if name.endswith("_url") or name.split(".")[0] in _with_secrets()]


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


def test_what_is_of_one_machine_does_not_decide() -> None:
    assert not field("serving.port").decides
    assert not field("s3.region").decides
    assert not field("timezone").decides
    assert field("serving.max_images").decides
    assert field("training.full.seed").decides
