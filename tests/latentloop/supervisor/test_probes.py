"""The questions by which one hears that a part lives, put to real stores and a real server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from deploy.configuration.digest import settings_digest
from deploy.settings import Settings
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import open_database, open_objects, open_telemetry
from latentloop.supervisor.ports import hold_port
from latentloop.supervisor.probes import (
    answers,
    controller_beats,
    ledger_answers,
    objects_answer,
    telemetry_answers,
    worker_polls,
    works_with,
)
from latentloop.supervisor.pulse import Heard, Sign

NOW = datetime.now(UTC)


@contextmanager
def serving(body: bytes, status: int) -> Iterator[str]:
    """A server whose every page is this."""

    class Same(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Same) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/readyz"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path / "home")
    open_database(made).dispose()
    open_telemetry(made)
    return made


class Page(BaseHTTPRequestHandler):
    """Well at /health, ill everywhere else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 500)
        self.end_headers()

    def log_message(self, format: str, *words: object) -> None:
        """Keep the tests' output clean."""


def test_a_page_that_answers_with_success_is_a_sign_of_life_and_an_error_is_none() -> None:
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            assert answers(f"{url}/health")(NOW) == Heard(Sign.alive)
            assert answers(f"{url}/ill")(NOW) == Heard(Sign.silent, f"{url}/ill answered 500")
        finally:
            server.shutdown()


def test_a_page_where_nobody_listens_is_silent() -> None:
    port = hold_port()
    heard = answers(f"http://127.0.0.1:{port.number}/health")(NOW)
    port.release()
    assert heard.sign is Sign.silent and "refused" in heard.reason


def test_the_controller_lives_by_a_fresh_beat_of_its_own(settings: Settings) -> None:
    ledger, ask = Ledger(open_database(settings)), controller_beats(settings)
    began = datetime.now(UTC)
    assert ask(began) == Heard(Sign.silent, "no sign of life in the ledger since its start")
    digest = settings_digest(settings)
    ledger.beat("controller", began - timedelta(seconds=1), digest)
    assert ask(began).sign is Sign.silent, "that was the one before it"
    ledger.beat("controller", began + timedelta(milliseconds=1), "another" + digest)
    assert "it works with the settings another" in ask(began).reason
    ledger.beat("controller", began + timedelta(milliseconds=1), digest)
    assert ask(began) == Heard(Sign.alive)


def test_a_service_is_believed_when_it_works_with_the_settings_of_its_installation() -> None:
    with serving(b'{"settings_digest": "5e5e"}', 503) as url:  # no champion yet: it works all the same
        assert works_with(url, "5e5e")(NOW) == Heard(Sign.alive)
        told = works_with(url, "0a0a")(NOW)
        assert (told.sign, told.reason) == (
            Sign.silent, "it works with the settings 5e5e, the installation with 0a0a",
        )  # fmt: skip
    with serving(b"<html>somebody else's</html>", 200) as url:
        assert works_with(url, "5e5e")(NOW).reason == f"{url} answered 200, and no settings digest"


def test_an_old_beat_is_no_sign_of_life(settings: Settings) -> None:
    digest = settings_digest(settings)
    Ledger(open_database(settings)).beat("controller", NOW - timedelta(minutes=5), digest)
    heard = controller_beats(settings)(NOW - timedelta(hours=1))
    assert heard.sign is Sign.silent and "no sign of life in the ledger since" in heard.reason


def test_without_the_ledger_or_prefect_nobody_knows_whether_controller_and_worker_live(tmp_path: Path) -> None:
    port = hold_port()
    nowhere = Settings(
        home=tmp_path / "home", prefect_url=f"http://127.0.0.1:{port.number}/api",
        database_url=f"postgresql://nobody@127.0.0.1:{port.number}/nothing",
    )  # fmt: skip
    assert controller_beats(nowhere)(NOW).sign is Sign.unknown
    assert worker_polls(nowhere, "cpu", "laptop-cpu")(NOW).sign is Sign.unknown
    assert ledger_answers(nowhere)().sign is Sign.silent
    port.release()


def test_databases_that_answer_and_that_lost_their_tables(settings: Settings) -> None:
    assert ledger_answers(settings)() == telemetry_answers(settings)() == Heard(Sign.alive)
    for name in ("ledger.db", "telemetry.db"):
        for left in settings.home.glob(f"{name}*"):
            left.unlink()
    for ask in (ledger_answers(settings), telemetry_answers(settings)):
        heard = ask()
        assert heard.sign is Sign.silent and "the tables are missing" in heard.reason


def test_an_object_folder_that_is_gone_does_not_answer(settings: Settings) -> None:
    ask = objects_answer(open_objects(settings))
    assert ask() == Heard(Sign.alive)
    shutil.rmtree(settings.home / "objects")
    heard = ask()
    assert heard.sign is Sign.silent and "there is no such folder; is it mounted?" in heard.reason
