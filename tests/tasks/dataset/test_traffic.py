"""Which rows are traffic: what replicas captured since the champion's data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.errors import NotEnoughData
from tests.tasks.arrivals import ingest
from tests.tasks.season import (
    new_images,
    plan_emergency,
    ship,
)

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]


def test_what_a_supplier_sent_is_no_traffic(home: Path) -> None:
    ship("supplier-new", new_images(270, seed=9))
    ingest()
    with pytest.raises(NotEnoughData, match=r"^0 images of a new kind among the newest 300 captured"):
        plan_emergency()
