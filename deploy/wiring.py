"""From settings to opened stores: the one place that makes them. Who starts a process wires once, and hands on.

Everything is imported when it is opened: who only needs the ledger loads no MLflow and no Delta Lake.
"""

from __future__ import annotations

import os
import socket
import tempfile
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from deploy.private_home import keep_private
from deploy.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from sqlalchemy import Engine

    from deploy.stores.catalogue import Catalogue
    from deploy.stores.mlflow.registry import Patience, Registry
    from deploy.stores.objects.port import ObjectStore
    from deploy.stores.orchestrator import Orchestrator
    from deploy.stores.sql.digests import DigestIndex
    from deploy.stores.sql.ledger import Ledger
    from deploy.stores.sql.pairs import Pairs
    from deploy.stores.sql.release import ReleaseStore
    from deploy.stores.sql.telemetry import Telemetry
    from vae_core.artifact import Artifact

Read = TypeVar("Read")


class World:
    """The settings of a process and the stores that they name, each opened once, when it is first used.

    `clock` gives the time, aware; `owner` names this process in the ledger: host, pid and a random word, because pids
    are reused.
    """

    def __init__(self, settings: Settings, clock: Callable[[], datetime] | None = None) -> None:
        self.settings = settings
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._clock = clock or _utc_now
        self._read: dict[str, Any] = {}

    def now(self) -> datetime:
        """The time, aware, UTC."""
        return self._clock()

    @cached_property
    def objects(self) -> ObjectStore:
        """The object store."""
        return open_objects(self.settings)

    @cached_property
    def engine(self) -> Engine:
        """The migrated database of ledger and release row."""
        return open_database(self.settings)

    @cached_property
    def ledger(self) -> Ledger:
        """Triggers and record."""
        from deploy.stores.sql.ledger import Ledger

        return Ledger(self.engine)

    @cached_property
    def releases(self) -> ReleaseStore:
        """What serves."""
        from deploy.stores.sql.release import ReleaseStore

        return ReleaseStore(self.engine)

    @cached_property
    def digests(self) -> DigestIndex:
        """Which row claimed which image first."""
        from deploy.stores.sql.digests import DigestIndex

        return DigestIndex(self.engine)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The image tables of today's preprocessing."""
        from deploy.stores.catalogue import Catalogue

        return Catalogue(self.objects, self.settings.preprocessing.digest)

    def artifact(self, prefix: str, digest: str) -> Artifact:
        """A version, or what a training made, read once by this process and shared: nobody may change it.

        Raises ObjectMissing, StoreCorrupt or ArtifactError, as `fetch_artifact` does.
        """

        def fetch() -> Artifact:
            from deploy.stores.objects.artifacts import fetch_artifact

            with tempfile.TemporaryDirectory() as temporary:
                return fetch_artifact(self.objects, prefix, digest, Path(temporary) / "artifact")

        return self.read_once(digest, fetch)

    def read_once(self, key: str, read: Callable[[], Read]) -> Read:
        """What `read` gives, read once by this process and shared: nobody may change it. The newest three are held."""
        if key not in self._read:
            # champion, candidate, and the candidate once more with its reference: no run needs a fourth
            kept = list(self._read.items())[-2:]
            self._read = {**dict(kept), key: read()}
        found: Read = self._read[key]
        return found

    @cached_property
    def telemetry(self) -> Telemetry:
        """The rows of the traffic."""
        return open_telemetry(self.settings)

    @cached_property
    def pairs(self) -> Pairs:
        """Paired errors of champion and candidate."""
        return open_pairs(self.settings)

    @cached_property
    def registry(self) -> Registry:
        """The registered versions; SettingsError where no address of MLflow is known."""
        return open_registry(self.settings)

    def orchestrator(self, patience_s: float = 0.0, say: Callable[[str], None] | None = None) -> Orchestrator:
        """Prefect's HTTP API, to be closed; see `open_orchestrator`."""
        return open_orchestrator(self.settings, patience_s, say)


def open_world() -> World:
    """The world of this process by its environment; what it keeps from now on is its user's alone."""
    keep_private()
    return World(load_settings())


def _utc_now() -> datetime:
    return datetime.now(UTC)


def open_objects(settings: Settings) -> ObjectStore:
    """The object store."""
    from deploy.stores.objects import opening

    s3 = settings.s3
    return opening.open_objects(
        settings.objects_url or str(settings.home / "objects"),
        endpoint_url=s3.endpoint_url,
        region=s3.region,
        access_key=s3.access_key.get_secret_value() if s3.access_key else None,
        secret_key=s3.secret_key.get_secret_value() if s3.secret_key else None,
    )


def open_catalogue(settings: Settings, name: str | None = None) -> Catalogue:
    """The image tables of today's preprocessing, or those of this name."""
    from deploy.stores.catalogue import Catalogue

    return Catalogue(open_objects(settings), settings.preprocessing.digest if name is None else name)


def open_database(settings: Settings) -> Engine:
    """The migrated database of ledger and release row."""
    from deploy.stores.sql.database import migrate, open_engine

    engine = open_engine(settings.ledger_url)
    migrate(engine)
    return engine


def open_telemetry(settings: Settings) -> Telemetry:
    """The migrated telemetry store."""
    from deploy.stores.sql.database import migrate, open_engine
    from deploy.stores.sql.telemetry import Telemetry

    engine = open_engine(settings.telemetry_database)
    migrate(engine)
    return Telemetry(engine)


def open_pairs(settings: Settings) -> Pairs:
    """The paired errors of champion and candidate, beside the telemetry."""
    from deploy.stores.sql.database import migrate, open_engine
    from deploy.stores.sql.pairs import Pairs

    engine = open_engine(settings.telemetry_database)
    migrate(engine)
    return Pairs(engine)


def open_registry(settings: Settings, patience: Patience | None = None) -> Registry:
    """The registered versions of this product; `patience`: how long their server may be silent."""
    from deploy.stores.mlflow.registry import Registry

    if settings.mlflow_url is None:
        raise SettingsError("mlflow_url is not set: start `latentloop up`, or set LATENTLOOP_MLFLOW_URL")
    return Registry(settings.mlflow_url, settings.product, patience)


def open_orchestrator(
    settings: Settings, patience_s: float = 0.0, say: Callable[[str], None] | None = None
) -> Orchestrator:
    """Prefect's HTTP API; `patience_s`: seconds that it may be silent, of which `say` hears."""
    from deploy.stores.orchestrator import Orchestrator

    if settings.prefect_url is None:
        raise SettingsError("prefect_url is not set: start `latentloop up`, or set LATENTLOOP_PREFECT_URL")
    auth = settings.prefect_auth.get_secret_value() if settings.prefect_auth is not None else None
    return Orchestrator(settings.prefect_url, auth=auth, patience_s=patience_s, say=say)


def release_private_key(settings: Settings) -> Ed25519PrivateKey:
    """The controller's key."""
    from deploy.stores.objects.release_file import load_keys

    return load_keys(settings.secrets_folder).private


def release_public_key(settings: Settings) -> Ed25519PublicKey:
    """What serving verifies the release file with."""
    from deploy.stores.objects.release_file import PUBLIC_KEY_FILE, load_public_key

    return load_public_key(settings.secrets_folder / PUBLIC_KEY_FILE)
