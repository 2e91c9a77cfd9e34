"""A champion and a candidate in the shadow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.serving.house import House


@pytest.fixture
def slots(house: House) -> dict[str, Any]:
    return {"champion": house.add_version("1", seed=1), "shadow": house.add_version("2", seed=2)}
