"""A second `retrain` while the first one runs follows it: beside a real Prefect server, a real ledger and store."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from deploy.settings import Settings
from deploy.stores.catalogue_rows import CatalogueRow
from deploy.stores.orchestrator import Orchestrator, RunRef
from deploy.stores.sql.ledger import CANCELLED_BY_HAND, Ledger
from deploy.wiring import World, open_catalogue, open_database, open_objects
from latentloop.errors import RunFailed, RunGoesOn
from latentloop.runs.retraining import retrain_and_wait
from latentloop.supervisor.lock import hold_home
from tasks.run.progress import ProgressWriter
from tasks.run.recipe import recipe_name
from tasks.run.steps import finish_step
from tasks.values import Registered
from tests.latentloop.prefect_runs import create_unclaimed_run
from tests.servers import PatientTransport

pytestmark = pytest.mark.server

NOW = datetime.now(UTC)
OWNER, AGAIN = "host:1:a", "`latentloop retrain --tier full` continues it"
MADE = Registered(version="7", url="http://mlflow/7", digest="d7", benchmark="passed", reason="better")


@dataclass
class Work:
    """A retraining that another command began: its trigger is held, and Prefect shows its run as running."""

    settings: Settings
    ledger: Ledger
    key: str
    run: RunRef
    said: list[str] = field(default_factory=list)

    def retrain(self) -> Registered:
        return retrain_and_wait(World(self.settings), "full", again=False, say=self.said.append)

    def say(self, step: str) -> None:
        ProgressWriter(open_objects(self.settings), self.key).note(step, 0.5, "step 30 of 60")

    @contextmanager
    def meanwhile(self, then: Callable[[], object], once: str = "in work already") -> Iterator[None]:
        """Do this once the command has said so; never where it ended before."""
        over = threading.Event()

        def act() -> None:
            while not over.wait(0.05):
                if any(once in line for line in self.said):
                    then()
                    return

        thread = threading.Thread(target=act)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@pytest.fixture
def work(prefect_api: str, tmp_path: Path) -> Iterator[Work]:
    settings = Settings(home=tmp_path, prefect_url=prefect_api)
    engine, catalogue = open_database(settings), open_catalogue(settings)
    row = CatalogueRow("digest", "camera", "a-segment", 0, NOW, "x", 28, 28, 1, 0.3, 0.1, 2.5, bytes(784))
    catalogue.append_accepted([row], ["a-segment"])
    key = f"by-hand-full-catalogue-{catalogue.name}-{catalogue.version()}-{recipe_name(settings)}-1"
    ledger = Ledger(engine)
    ledger.claim(key, "retrain-full", "", OWNER, NOW, 3_600)
    with (
        Orchestrator(prefect_api) as orchestrator,
        httpx.Client(base_url=prefect_api, timeout=30, transport=PatientTransport()) as api,
    ):
        run = create_unclaimed_run(orchestrator, api, key)
        state = {"state": {"type": "RUNNING", "name": "Running"}, "force": True}
        assert api.post(f"/flow_runs/{run.id}/set_state", json=state).is_success
        yield Work(settings, ledger, key, run)
        assert api.delete(f"/flow_runs/{run.id}").is_success
    engine.dispose()


def test_the_second_command_says_that_it_follows_shows_the_progress_and_ends_with_the_same_version(work: Work) -> None:
    def end() -> None:
        finish_step(open_objects(work.settings), work.key, "registered", MADE)
        work.ledger.finish(work.key, OWNER, "done", "7", datetime.now(UTC))

    work.say("train")
    with work.meanwhile(end, once="train 50%"):
        assert work.retrain() == MADE

    first, second, *_ = work.said
    assert first.startswith("retrain-full of this catalogue is in work already, since ")
    assert first.endswith(f"; this command follows it: {work.run.url}")
    assert second.startswith("train 50% step 30 of 60 (")


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Presses it; a shell switches it off for what it starts with `&`, such as this test."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield _thread.interrupt_main
    signal.signal(signal.SIGINT, before)


def test_whoever_leaves_it_is_told_how_to_see_and_to_cancel_the_run(work: Work, ctrl_c: Callable[[], None]) -> None:
    with work.meanwhile(ctrl_c), pytest.raises(RunGoesOn) as caught:
        work.retrain()
    run = work.run
    assert str(caught.value) == (
        f"left; retrain-full goes on: see {run.url}, or cancel it with `latentloop cancel {run.id}`"
    )


def test_what_a_person_cancels_is_not_begun_anew_by_the_command_that_followed(work: Work) -> None:
    def cancel() -> None:
        work.ledger.release_claim(work.key, OWNER, datetime.now(UTC), CANCELLED_BY_HAND)

    with work.meanwhile(cancel), pytest.raises(RunFailed) as caught:
        work.retrain()
    assert str(caught.value) == f"retrain-full was cancelled by hand (see {work.run.url}); {AGAIN}"


def test_what_fails_says_why(work: Work) -> None:
    def fail() -> None:
        work.ledger.finish(work.key, OWNER, "failed", "the data was refused", datetime.now(UTC))

    with work.meanwhile(fail), pytest.raises(RunFailed) as caught:
        work.retrain()
    assert str(caught.value) == f"retrain-full failed: the data was refused (see {work.run.url})"


def test_an_installation_that_is_taken_down_ends_the_command_that_followed(work: Work) -> None:
    home = work.settings.home
    up = hold_home(home)
    up.__enter__()
    with work.meanwhile(lambda: up.__exit__(None, None, None)), pytest.raises(RunFailed) as caught:
        work.retrain()
    assert str(caught.value) == f"{home} was taken down, and retrain-full with it: after `latentloop up`, {AGAIN}"
