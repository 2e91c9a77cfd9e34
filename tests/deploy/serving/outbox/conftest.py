"""A release with a champion, `1`, and a candidate in the shadow, `2`."""

from __future__ import annotations

import pytest

from tests.deploy.serving.house import House


@pytest.fixture
def release(house: House) -> None:
    house.publish(champion=house.add_version("1", seed=1), shadow=house.add_version("2", seed=2))
