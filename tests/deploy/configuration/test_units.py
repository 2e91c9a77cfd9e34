"""Every number has a unit: the end of its name says it, or the table does."""

from __future__ import annotations

import pytest

from deploy.configuration.units import AMOUNT
from tests.deploy.configuration.by_name import FIELDS, field


def test_every_number_has_a_unit() -> None:
    """A new one ends its name in a unit, or stands in deploy/configuration/units.py."""
    numbers = [each for each in FIELDS if "number" in each.kind and not each.choices]
    assert len(numbers) > 200
    assert [each.name for each in numbers if not each.unit] == []


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("drift.cooldown_s", "s"),
        ("serving.batch_wait_ms", "ms"),
        ("serving.max_body_bytes", "bytes"),
        ("preprocessing.width", "px"),
        ("training.code_prior.width", "channels"),
        ("delivery.canary_share", "share"),
        ("drift.screenings_a_day", "a day"),
        ("input_policy.min_entropy_bits", "bits"),
        ("training.full.budget.amount", AMOUNT),
        ("evaluation.thorough", ""),
    ],
)
def test_the_unit_is_that_of_the_name(name: str, unit: str) -> None:
    assert field(name).unit == unit
