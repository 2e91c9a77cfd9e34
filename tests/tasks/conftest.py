from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.evaluate import evaluate_candidate
from tasks.plan import plan_retrain
from tasks.train import train_candidate
from tests.tasks.arrivals import SMALL_HOLDOUT, ingest, write_config
from tests.tasks.opened import forget, opened
from tests.tasks.season import arrive_known, capture_traffic, copy_home, serve, settled

Configure = Callable[[str], None]


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Settle this process in a fresh home, with more lines in its settings file."""

    def settle(more: str = "") -> None:
        forget()
        monkeypatch.setenv("LATENTLOOP_CONFIG", str(write_config(tmp_path, more)))
        monkeypatch.setenv("LATENTLOOP_HOME", str(tmp_path / "home"))

    settle()
    yield settle
    opened().engine.dispose()
    forget()


@pytest.fixture
def small_holdout(configure: Configure) -> None:
    """Settle this process where three hundred images are enough for a hold-out."""
    configure(SMALL_HOLDOUT)


@pytest.fixture(scope="session")
def first_champion(tmp_path_factory: pytest.TempPathFactory, mlflow_url: str) -> Path:
    """An installation whose champion was trained by the full tier on the known kind, and served some traffic."""
    home = tmp_path_factory.mktemp("season") / "first"
    with settled(home, mlflow_url):
        arrive_known()
        ingest()
        plan = plan_retrain.fn(opened(), "first", "full", "first")
        evaluated = evaluate_candidate.fn(opened(), plan, train_candidate.fn(opened(), plan))
        serve(evaluated.digest, evaluated.artifact)
        capture_traffic(known=300, new=0, seed=100, day=0)
        ingest()
    return home


@pytest.fixture
def home(first_champion: Path, tmp_path: Path, mlflow_url: str) -> Iterator[Path]:
    """The same installation, for one test."""
    with settled(copy_home(first_champion, tmp_path / "copy"), mlflow_url):
        yield tmp_path / "copy"
