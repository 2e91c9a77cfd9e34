"""What the reference knows of each setting: a description, a unit, its bounds, and the default that holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.configuration.fields import SettingField, read_fields, read_tables
from deploy.configuration.kinds import quoted
from deploy.configuration.units import AMOUNT
from deploy.settings import Settings, load_settings
from tests.deploy.settled import empty_the_environment

FIELDS = read_fields(Settings)


def field(name: str, variant: str = "") -> SettingField:
    (found,) = (each for each in FIELDS if each.name == name and variant in ("", each.variant))
    return found


def test_every_setting_has_a_description() -> None:
    assert [each.name for each in FIELDS if not each.description] == []
    assert len(FIELDS) > 290


def test_every_number_has_a_unit() -> None:
    """A new one ends its name in a unit, or stands in deploy/configuration/units.py."""
    numbers = [each for each in FIELDS if "number" in each.kind and not each.choices]
    assert len(numbers) > 200
    assert [each.name for each in numbers if not each.unit] == []


def test_every_table_says_what_it_is() -> None:
    assert [each.name for each in read_tables(Settings) if not each.description] == []


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("drift.cooldown_s", "s"),
        ("serving.batch_wait_ms", "ms"),
        ("serving.max_body_bytes", "bytes"),
        ("preprocessing.width", "px"),
        ("training.code_prior.width", "channels"),
        ("delivery.canary_share", "share"),
        ("drift.watch_checks_a_day", "checks a day"),
        ("input_policy.min_entropy_bits", "bits"),
        ("training.full.budget.amount", AMOUNT),
        ("evaluation.thorough", ""),
    ],
)
def test_the_unit_is_that_of_the_name(name: str, unit: str) -> None:
    assert field(name).unit == unit


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("clock_factor", "above 0, at most 1"),
        ("input_policy.max_pixels", "at least 1, at most 80,000,000"),
        ("input_policy.formats", '"PNG" or "JPEG" or "WEBP" or "TIFF" or "BMP" or "GIF" or "AVIF", not empty'),
        ("preprocessing.channels", "1 or 3"),
        ("training.full.precision", '"auto" or "fp32" or "bf16"'),
        ("mlflow_url", "matches ^https?://"),
        ("fashion_mnist", ""),
    ],
)
def test_the_bounds_are_those_that_are_checked(name: str, bounds: str) -> None:
    assert field(name).bounds == bounds


def test_a_table_that_may_be_of_two_kinds_is_there_for_each() -> None:
    models = {each.variant: each for each in read_tables(Settings) if each.name == "training.model"}
    assert {name: each.chosen for name, each in models.items()} == {"conv_vae": False, "vq_vae": True}
    assert (field("training.model.latent_dim").variant, field("training.model.code_dim").variant) == (
        "conv_vae",
        "vq_vae",
    )


def test_the_defaults_are_those_that_hold_where_nobody_says_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_the_environment(tmp_path, monkeypatch)
    settings = load_settings().model_dump(mode="json")

    for each in FIELDS:
        if each.default_in_words or each.variant == "conv_vae":
            continue
        held = settings
        for word in each.name.split("."):
            held = held[word]
        assert each.default == held, each.name


def test_defaults_of_a_machine_are_words() -> None:
    assert {each.name for each in FIELDS if each.default_in_words} == {
        "home",
        "assets_folder",
        "timezone",
        "serving.replica",
    }


def test_what_is_of_one_machine_does_not_decide() -> None:
    assert not field("serving.port").decides
    assert not field("s3.region").decides
    assert not field("timezone").decides
    assert field("serving.max_images").decides
    assert field("training.full.seed").decides


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not set"),
        (True, "true"),
        (3, "3"),
        (8_388_608, "8_388_608"),
        (1e-5, "1e-05"),
        (0.1234567891, "0.1234567891"),
        (["PNG", "JPEG"], '["PNG", "JPEG"]'),
    ],
)
def test_a_value_is_written_as_a_settings_file_has_it(value: object, text: str) -> None:
    assert quoted(value) == text  # type: ignore[arg-type]
