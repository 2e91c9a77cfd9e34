"""Neighbours of an installation that are elsewhere, and away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.latentloop.installation.commands import away


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[dict[str, str]]:
    """Registry and orchestrator that the settings name, and that are away."""
    with contextmanager(away)() as prefect, contextmanager(away)() as mlflow:
        yield {"prefect_url": f"{prefect}/api", "mlflow_url": mlflow}
