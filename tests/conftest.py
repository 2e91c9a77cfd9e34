"""What tests of several rooms share: real neighbours, each started once a session, and a house for each test.

What loads torch is imported by its fixture: whoever collects other tests does not wait for it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.servers import (
    CannotStart,
    GuardedPrefect,
    PostgreSQL,
    SeaweedFS,
    guarded_prefect_server,
    mlflow_server,
    postgresql,
    prefect_server,
    seaweedfs,
)

if TYPE_CHECKING:
    from deploy.controller.neighbours import Neighbours
    from tests.deploy.serving.house import House


# properties are judged by what they find, not by how long a busy machine takes for one example
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def same_draws() -> None:
    """The weights that a test makes are the same in every run; whoever needs no torch loads none."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def seaweedfs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    try:
        with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as server:
            yield server
    except CannotStart as error:
        _skip_unless_broken(error)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    # not below pytest's folder, which user postgres may not enter
    with tempfile.TemporaryDirectory(prefix="latentloop-postgresql-") as folder:
        try:
            with postgresql(Path(folder)) as server:
                yield server
        except CannotStart as error:
            _skip_unless_broken(error)


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the one Prefect server of this session and give its API URL."""
    with prefect_server(tmp_path_factory.mktemp("prefect")) as api_url:
        yield api_url


@pytest.fixture(scope="session")
def guarded_prefect() -> Iterator[GuardedPrefect]:
    """Start a Prefect server as `latentloop up` does, in a folder that other users may enter."""
    with tempfile.TemporaryDirectory(prefix="latentloop-prefect-") as folder:
        Path(folder).chmod(0o755)
        with guarded_prefect_server(Path(folder)) as server:
            yield server


@pytest.fixture(scope="session")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the one MLflow server of this session and give its URL."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture(scope="session")
def mlflow_on_postgresql(postgresql_server: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the one MLflow server of this session that keeps its tables on PostgreSQL, and give its URL."""
    database = postgresql_server.create_namespace().replace("postgresql://", "postgresql+psycopg://", 1)
    with mlflow_server(tmp_path_factory.mktemp("mlflow-on-postgresql"), database) as url:
        yield url


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Objects, telemetry, keys and tiny versions of this test alone."""
    from tests.deploy.serving.house import House

    house = House(tmp_path)
    yield house
    house.close()


@pytest.fixture
def alone(house: House) -> Iterator[Neighbours]:
    """The stores of the house as a controller opens them, and every server away."""
    from tests.deploy.controller.world import close, neighbours

    found = neighbours(house)
    yield found
    close(found)


def _skip_unless_broken(error: CannotStart) -> None:
    """Skip where a server is not installed; one that does not come up is a failure."""
    if "install" in str(error) or "no user postgres" in str(error):
        pytest.skip(str(error))
    raise error
