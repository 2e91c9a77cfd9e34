"""What a setting may be, in words: its bounds, and a value as a settings file has it."""

from __future__ import annotations

import pytest

from deploy.configuration.kinds import quoted
from tests.deploy.configuration.by_name import field


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
