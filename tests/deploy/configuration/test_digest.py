"""The digest of settings: of what decides, and of nothing that two machines of one installation differ in."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.configuration.digest import deciding_values, digest_values, say_differences, settings_digest
from deploy.settings import load_settings

pytestmark = pytest.mark.usefixtures("file")


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


def test_the_file_and_the_environment_make_the_same_digest_of_the_same_values(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('product = "shop"\n[input_policy]\nmin_variance = 0.002\n')
    said_by_file = settings_digest(load_settings())
    file.unlink()
    monkeypatch.setenv("LATENTLOOP_PRODUCT", "shop")
    monkeypatch.setenv("LATENTLOOP_INPUT_POLICY__MIN_VARIANCE", "0.002")

    assert settings_digest(load_settings()) == said_by_file


def test_differences_are_told_by_name_with_both_values_and_the_rest_by_name() -> None:
    here = {"a": 1, "b": "x", "c": [1], "d": 0.5, "e": None, "same": 3}
    there = {"a": 2, "b": "y", "c": [2], "d": 0.6, "same": 3}

    assert say_differences(here, there) == (
        'a (1 here, 2 there), b ("x" here, "y" there), c ([1] here, [2] there), d (0.5 here, 0.6 there), e'
    )
    assert say_differences({}, {"new": 1}, "before") == "new (nothing here, 1 before)"
    assert say_differences(here, here) == ""
