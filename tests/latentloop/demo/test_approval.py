"""The person of the story: the tag that MLflow's page sets, and patience until the version serves."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.record.approvals import APPROVAL_REFUSED, RefusedApproval
from deploy.settings import Settings, load_settings
from deploy.stores.sql.ledger import Ledger
from deploy.stores.sql.release import ReleaseStore
from deploy.wiring import World, open_database, open_registry
from latentloop.demo.approval import approve_as_the_ui_does, await_champion
from latentloop.errors import DemoFailed
from tests.deploy.controller.world import swap
from tests.deploy.serving.house import House, replica, tiny_artifact
from vae_core.artifact import write_artifact


@pytest.mark.server
@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")
@pytest.mark.filterwarnings("ignore:.*An input example was not provided")
def test_the_registry_reads_what_the_story_wrote_as_an_approval(mlflow_url: str, tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home", mlflow_url=mlflow_url, product=f"approval-{uuid.uuid4().hex}")
    registry = open_registry(settings)
    registry.ensure_model()
    digest = write_artifact(tmp_path / "artifact", tiny_artifact(1))
    run = registry.ensure_run("a-training", "training", {})
    model = registry.log_model(run, tmp_path / "artifact", (1, 28, 28))
    tags = {"model_digest": digest, "benchmark": "passed"}
    made = registry.create_version(model_uri=model, run_id=run, trigger="t", tags=tags, description="a version")
    assert registry.version(made.version).approval == "pending"

    approve_as_the_ui_does(settings, made.version)

    assert registry.version(made.version).approval == "approved"


@pytest.fixture
def settings(house: House) -> Iterator[Settings]:
    """A release and a service in which version 7 serves."""
    served = house.add_version("7", seed=1)
    house.publish(champion=served)
    with replica(house) as client:
        settings = Settings(home=house.root, service_url=str(client.base_url).rstrip("/"))
        engine = open_database(settings)
        swap(ReleaseStore(engine), champion=served)
        yield settings
        engine.dispose()


def test_the_story_goes_on_once_the_service_itself_says_that_the_version_serves(settings: Settings) -> None:
    release = await_champion(World(settings), "7")

    assert release.champion is not None and release.champion.version == "7"


def test_a_version_that_does_not_serve_in_time_ends_the_story_with_the_newest_refusal(settings: Settings) -> None:
    with pytest.raises(DemoFailed, match="^expected version 8 to serve within 0 s .*: no approval was refused$"):
        await_champion(World(settings), "8", timeout_s=0.3)

    refused = RefusedApproval(digest="d", reason="its gate is against it")
    ledger = Ledger(open_database(settings))
    ledger.record("approval-refused", "8", refused.model_dump_json(), datetime.now(UTC))
    assert APPROVAL_REFUSED.newest(ledger) is not None
    with pytest.raises(DemoFailed, match=": its gate is against it$"):
        await_champion(World(settings), "8", timeout_s=0.3)
