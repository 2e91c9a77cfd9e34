"""Every store is tested against all its implementations, and raced from real processes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from deploy.stores.catalogue import Catalogue
from deploy.stores.objects.port import ObjectStore
from deploy.stores.sql.database import migrate, open_engine
from tests.deploy.stores.migrated import open_migrated
from tests.deploy.stores.racing import ObjectsAt, Racers
from tests.servers import PostgreSQL, SeaweedFS


@pytest.fixture(params=["folder", pytest.param("seaweedfs", marks=pytest.mark.server)])
def objects_at(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectsAt:
    """Make an empty object store, as something that other processes can open too."""
    if request.param == "folder":
        return ObjectsAt(str(tmp_path / "objects"), {})
    server: SeaweedFS = request.getfixturevalue("seaweedfs_server")
    return ObjectsAt(f"{server.create_bucket()}/some/prefix", server.options())


@pytest.fixture
def objects(objects_at: ObjectsAt) -> ObjectStore:
    return objects_at.open()


@pytest.fixture
def catalogue(objects: ObjectStore) -> Catalogue:
    return Catalogue(objects, "28x28")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Make an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    server: PostgreSQL = request.getfixturevalue("postgresql_server")
    return server.create_namespace()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Open a migrated database."""
    if database_url.startswith("sqlite:///"):
        engine = open_migrated(Path(database_url.removeprefix("sqlite:///")))
    else:
        engine = open_engine(database_url)
        migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=["disk", "limit"])
def cramped(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Make a folder in which a megabyte has no room, and give the line that a process needs for it.

    Where a small disk cannot be mounted a limit on the size of files stands in for it.
    """
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)]
    if request.param == "limit" or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield tmp_path, "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))"
        return
    yield tmp_path, ""
    subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.fixture
def obeying() -> list[str]:
    """The start of a command whose process obeys modes, as those of root do not."""
    if os.geteuid() != 0:
        return []
    assert shutil.which("setpriv"), "root reads and writes everything: util-linux must take that right from it"
    rights = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"]


@pytest.fixture(scope="session")
def racers() -> Iterator[Racers]:
    with Racers() as racers:
        yield racers
