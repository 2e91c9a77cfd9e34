"""What a task process opens once: settings, stores, the clock. Nothing here decides."""

from __future__ import annotations

import os
import socket
import uuid
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from deploy.private_home import keep_private
from deploy.settings import Settings, load_settings
from deploy.wiring import open_database, open_objects

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from deploy.stores.objects.port import ObjectStore


@cache
def settings() -> Settings:
    """The settings of this process; what it keeps from now on is its user's alone."""
    keep_private()
    return load_settings()


@cache
def engine() -> Engine:
    """The migrated ledger database."""
    return open_database(settings())


@cache
def objects() -> ObjectStore:
    """The object store."""
    return open_objects(settings())


@cache
def owner() -> str:
    """Names this process in the ledger: host, pid and a random word, because pids are reused."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def now() -> datetime:
    """The time, aware, UTC."""
    return datetime.now(UTC)


def forget() -> None:
    """Open everything anew (tests that change the environment within one process)."""
    for each in (settings, engine, objects, owner):
        each.cache_clear()
