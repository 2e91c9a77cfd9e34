"""An emergency that drift started and that learnt nothing: somebody's own story goes on, the demo's own is over."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deploy.settings import Settings
from deploy.stores.sql.database import migrate, open_engine
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import World
from latentloop.demo.season import await_candidate
from latentloop.errors import DemoFailed

NOW, WHY = datetime(2026, 1, 1, tzinfo=UTC), "emergency: the newest 2,728 images may be a broken sensor's"


def wait(home: Path, most_season: int | None, said: list[str]) -> object:
    """Wait for a trigger whose run was refused, as the story does."""
    engine = open_engine(f"sqlite:///{home}/ledger.db")
    migrate(engine)
    ledger = Ledger(engine)
    ledger.claim("drift-1", "retrain-emergency", "drift", "run", NOW, 60.0)
    ledger.finish("drift-1", "run", "failed", WHY, NOW)
    settings, supply = Settings(home=home), SimpleNamespace(most_season=most_season)
    story = SimpleNamespace(settings=settings, world=World(settings), say=said.append, tend=lambda: None, supply=supply)
    try:
        return await_candidate(cast("Any", story), ledger, "drift-1")
    finally:
        engine.dispose()


def test_a_refused_emergency_of_own_pictures_is_told_and_asked_for_by_hand(tmp_path: Path) -> None:
    said: list[str] = []
    assert wait(tmp_path, 1_000, said) is None
    assert said == [f"drift-1: {WHY}"]


def test_a_refused_emergency_of_the_demos_own_images_ends_it_at_once_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match=f"expected a candidate of drift-1, came: {WHY}"):
        wait(tmp_path, None, [])
