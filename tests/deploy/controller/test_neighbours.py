"""The controller opens its neighbours: one that is away is waited for, one that is unsafe is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.controller.neighbours import open_neighbours
from deploy.settings import S3Config, Settings
from deploy.stores.errors import StoreUnavailable, UnsafeStore
from deploy.stores.objects.release_file import generate_keys
from tests.deploy.stores.look_alikes import look_alike
from tests.servers import free_ports


def _settings(home: Path, endpoint_url: str) -> Settings:
    generate_keys(home / "secrets")
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
    return Settings(
        home=home,
        objects_url="s3://bucket/prefix",
        s3=S3Config.model_validate({"endpoint_url": endpoint_url, "access_key": "k", "secret_key": "s"}),
        mlflow_url=nobody,
        prefect_url=f"{nobody}/api",
        service_url=nobody,
    )


def test_an_object_store_that_ignores_conditions_is_refused_when_the_controller_starts(tmp_path: Path) -> None:
    with look_alike("ignores") as server, pytest.raises(UnsafeStore, match="If-None-Match"):
        open_neighbours(_settings(tmp_path, server.endpoint_url))


def test_an_object_store_that_is_away_keeps_the_controller_from_nothing(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    world = open_neighbours(_settings(tmp_path, f"http://127.0.0.1:{port}"))
    assert world.releases.read().epoch == 0
    with pytest.raises(StoreUnavailable, match="does not answer"):
        world.objects.put("release/current.json", b"x", if_absent=True)
