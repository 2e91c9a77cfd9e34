"""The questions by which one hears that a part lives. Each is bounded in time and raises nothing of a neighbour's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

from deploy.configuration.digest import SHORT, settings_digest
from deploy.settings import Settings
from deploy.stores.authorities import trusted
from deploy.stores.errors import StoreError, StoreUnavailable
from deploy.stores.objects.port import ObjectStore
from deploy.stores.sql.ledger import Beat, Ledger
from deploy.wiring import open_orchestrator
from latentloop.supervisor.child import Probe
from latentloop.supervisor.pulse import Heard, Sign

ANSWER_S = 5.0
# the controller beats at every look, 15 s apart, and a look that waits for a dead neighbour takes a minute
FRESH_BEAT = timedelta(seconds=60)
# a worker's heartbeats are 30 s apart; Prefect takes its time to call one offline
FRESH_HEARTBEAT = timedelta(seconds=120)
ALIVE = Heard(Sign.alive)


def answers(url: str, answer_s: float = ANSWER_S) -> Probe:
    """Does this health page answer with success?"""
    client = httpx.Client(timeout=answer_s, trust_env=False, verify=trusted())

    def ask(since: datetime) -> Heard:
        try:
            answer = client.get(url)
        except httpx.HTTPError as error:
            return Heard(Sign.silent, f"{url}: {error or type(error).__name__}")
        return ALIVE if answer.is_success else Heard(Sign.silent, f"{url} answered {answer.status_code}")

    return ask


def works_with(url: str, digest: str, answer_s: float = ANSWER_S) -> Probe:
    """Does the service answer at /readyz, with a champion or without, and work with these settings?"""
    client = httpx.Client(timeout=answer_s, trust_env=False, verify=trusted())

    def ask(since: datetime) -> Heard:
        try:
            answer = client.get(url)
            there = answer.json()["settings_digest"]
        except httpx.HTTPError as error:
            return Heard(Sign.silent, f"{url}: {error or type(error).__name__}")
        except (ValueError, KeyError, TypeError):
            return Heard(Sign.silent, f"{url} answered {answer.status_code}, and no settings digest")
        return ALIVE if there == digest else Heard(Sign.silent, _other_settings(there, digest))

    return ask


def controller_beats(settings: Settings) -> Probe:
    """Is there a fresh sign of life of the controller in the ledger? Without a ledger nobody knows."""
    digest = settings_digest(settings)

    def ask(since: datetime) -> Heard:
        try:
            beat = _last_beat(settings)
        except StoreError as error:
            return Heard(Sign.unknown, str(error))
        if beat is None or beat.at < since:
            return Heard(Sign.silent, "no sign of life in the ledger since its start")
        if beat.settings_digest != digest:
            return Heard(Sign.silent, _other_settings(beat.settings_digest, digest))
        fresh = datetime.now(UTC) - beat.at < FRESH_BEAT
        return ALIVE if fresh else Heard(Sign.silent, f"no sign of life in the ledger since {beat.at:%H:%M:%S} UTC")

    return ask


def worker_polls(settings: Settings, pool: str, name: str) -> Probe:
    """Does Prefect have a fresh heartbeat of this very worker process? Without Prefect nobody knows."""

    def ask(since: datetime) -> Heard:
        try:
            with open_orchestrator(settings) as orchestrator:
                heartbeat = orchestrator.online_workers(pool).get(name)
        except StoreError as error:
            return Heard(Sign.unknown, str(error))
        alive = heartbeat is not None and heartbeat >= since and datetime.now(UTC) - heartbeat < FRESH_HEARTBEAT
        return ALIVE if alive else Heard(Sign.silent, f"Prefect has no fresh heartbeat of worker {name} in pool {pool}")

    return ask


def ledger_answers(settings: Settings) -> Callable[[], Heard]:
    """Does the database of ledger and release row answer?"""
    return lambda: ask_store(lambda: _last_beat(settings))


def telemetry_answers(settings: Settings) -> Callable[[], Heard]:
    """Does the database of the telemetry answer?"""

    def read() -> None:
        from deploy.stores.sql.database import open_engine
        from deploy.stores.sql.telemetry import Telemetry

        engine, now = open_engine(settings.telemetry_database), datetime.now(UTC)
        try:
            Telemetry(engine).count(now, now)
        finally:
            engine.dispose()

    return lambda: ask_store(read)


def objects_answer(objects: ObjectStore) -> Callable[[], Heard]:
    """Does the object store answer? A folder that was removed or unmounted does not."""
    from deploy.stores.objects.local import LocalObjects

    def read() -> None:
        if isinstance(objects, LocalObjects) and not objects.root.is_dir():
            raise StoreUnavailable(f"{objects.root}: there is no such folder; is it mounted?")
        objects.keys("release/")  # a listing: of a bucket that is not there S3 says so only here

    return lambda: ask_store(read)


def ask_store(read: Callable[[], object]) -> Heard:
    """One reading of a store."""
    try:
        read()
    except StoreError as error:
        return Heard(Sign.silent, str(error))
    return ALIVE


def _other_settings(there: str | None, here: str) -> str:
    return f"it works with the settings {str(there)[:SHORT]}, the installation with {here[:SHORT]}"


def _last_beat(settings: Settings) -> Beat | None:
    from deploy.stores.sql.database import open_engine

    engine = open_engine(settings.ledger_url)
    try:
        return Ledger(engine).last_beat("controller")
    finally:
        engine.dispose()
