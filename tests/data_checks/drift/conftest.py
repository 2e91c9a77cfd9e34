"""A report that several files look at is run once."""

from __future__ import annotations

import pytest

from data_checks.drift.report import DriftReport
from tests.data_checks.drift.reported import ordinary, report, season


@pytest.fixture(scope="session")
def drifted() -> DriftReport:
    return report(season(), ordinary())
