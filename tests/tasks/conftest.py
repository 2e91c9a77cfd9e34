from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.evaluate import evaluate_candidate
from tasks.plan import plan_retrain
from tasks.run.progress import ProgressWriter
from tasks.train import train_candidate
from tests.tasks.arrivals import ingest, write_config
from tests.tasks.opened import forget, opened
from tests.tasks.season import arrive_known, capture_traffic, copy_home, serve, settled

Configure = Callable[[str], None]
Noted = list[tuple[str, float, str]]


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


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Noted:
    """All notes of a run, also those that come faster than they are written."""
    heard: Noted = []
    write = ProgressWriter.note

    def note(writer: ProgressWriter, step: str, share_done: float, detail: str, part: str = "") -> None:
        heard.append((step, share_done, detail))
        write(writer, step, share_done, detail, part)

    monkeypatch.setattr(ProgressWriter, "note", note)
    return heard
