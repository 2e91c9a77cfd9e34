"""Whom the controller reads and writes."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.controller.service import Service
from deploy.settings import Settings, SettingsError
from deploy.stores.errors import StoreUnavailable
from deploy.stores.mlflow.registry import Registry
from deploy.stores.objects.port import ObjectStore
from deploy.stores.orchestrator import Orchestrator
from deploy.stores.sql.ledger import Ledger
from deploy.stores.sql.pairs import Pairs
from deploy.stores.sql.release import ReleaseStore
from deploy.stores.sql.telemetry import Telemetry
from deploy.wiring import (
    open_database,
    open_objects,
    open_orchestrator,
    open_pairs,
    open_registry,
    open_telemetry,
    release_private_key,
)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Stores and servers, opened once."""

    registry: Registry
    ledger: Ledger
    releases: ReleaseStore
    objects: ObjectStore
    telemetry: Telemetry
    pairs: Pairs
    orchestrator: Orchestrator
    service: Service
    signing_key: Ed25519PrivateKey


def open_neighbours(settings: Settings) -> Neighbours:
    """All neighbours of the settings; a server need not be up yet.

    UnsafeStore for an object store that answers and does not heed conditions.
    """
    if settings.service_url is None:
        raise SettingsError("service_url is not set: start `latentloop up`, or set LATENTLOOP_SERVICE_URL")
    engine, objects = open_database(settings), open_objects(settings)
    with contextlib.suppress(StoreUnavailable):  # away: it is asked again before the first conditional put
        objects.require_conditional_writes()
    return Neighbours(
        registry=open_registry(settings),
        ledger=Ledger(engine),
        releases=ReleaseStore(engine),
        objects=objects,
        telemetry=open_telemetry(settings),
        pairs=open_pairs(settings),
        orchestrator=open_orchestrator(settings),
        service=Service(settings.service_url),
        signing_key=release_private_key(settings),
    )
