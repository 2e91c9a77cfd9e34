"""The registry against real MLflow servers, on SQLite and on PostgreSQL: what is written once, what is read back."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.stores.errors import StoreRefused, StoreUnavailable
from deploy.stores.mlflow.registry import TRIGGER_TAG, CurvePoint, Patience, Registry
from tests.deploy.stores.mlflow.registering import MARKS, Logged, create
from tests.servers import free_ports

pytestmark = MARKS
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_one_trigger_makes_one_version(registry: Registry, logged: Logged) -> None:
    first, again, other = create(registry, logged), create(registry, logged), create(registry, logged, "t2")
    assert (first.version, again.version, other.version) == ("1", "1", "2")
    assert [each.version for each in registry.versions()] == ["2", "1"]
    found = registry.find_by_trigger("t2")
    assert found is not None and found.version == "2"
    assert registry.find_by_trigger("t3") is None


def test_a_version_is_born_pending_with_its_tags(registry: Registry, logged: Logged) -> None:
    created = create(registry, logged)
    read = registry.version("1")
    assert read == created
    assert dict(read.tags) == {
        "approval": "pending",
        "benchmark": "passed",
        "model_digest": "d1",
        TRIGGER_TAG: "t1",
    }
    assert (read.approval, read.digest) == ("pending", "d1")
    assert read.run_id == logged.run_id
    assert abs((datetime.now(UTC) - read.created_at).total_seconds()) < 3600


def test_a_tag_is_set_and_what_a_person_typed_is_read_kindly(registry: Registry, logged: Logged) -> None:
    create(registry, logged)
    registry.set_tag("1", "approval", " Approved ")
    registry.set_tag("1", "delivery", "shadow")
    assert registry.version("1").approval == "approved"
    assert registry.versions()[0].tags["delivery"] == "shadow"


def test_an_alias_points_moves_and_goes(registry: Registry, logged: Logged) -> None:
    create(registry, logged)
    create(registry, logged, "t2")
    assert registry.alias("champion") is None
    registry.set_alias("champion", "1")
    assert registry.alias("champion") == "1"
    registry.set_alias("champion", "2")
    assert registry.alias("champion") == "2"
    registry.delete_alias("champion")
    registry.delete_alias("champion")
    assert registry.alias("champion") is None


def test_a_model_is_created_once_and_a_run_is_found_again(registry: Registry) -> None:
    registry.ensure_model()
    assert registry.versions() == []
    run_id = registry.ensure_run("t1", "training", {"seed": 3, "note": "x" * 600})
    assert registry.ensure_run("t1", "another name", {"seed": 4}) == run_id
    assert registry.ensure_run("t2", "training", {}) != run_id
    params = registry._client.get_run(run_id).data.params
    assert params == {"seed": "3", "note": "x" * 500}


def test_parameters_are_added_to_a_run_once_and_none_is_changed(registry: Registry) -> None:
    run_id = registry.ensure_run("t1", "training", {"train.beta": 4.0})
    for _ in range(2):
        registry.log_params(run_id, {"trained.train.beta": 1.0, "note": "x" * 600})
    with pytest.raises(StoreRefused, match="refused to log parameters"):
        registry.log_params(run_id, {"train.beta": 1.0})
    params = registry._client.get_run(run_id).data.params
    assert params == {"train.beta": "4.0", "trained.train.beta": "1.0", "note": "x" * 500}


def test_a_curve_longer_than_a_batch_arrives_whole(registry: Registry) -> None:
    run_id = registry.ensure_run("t1", "training", {})
    points = [CurvePoint("loss", 1.0 / (step + 1), step) for step in range(2100)]
    registry.log_curve(run_id, [*points, CurvePoint("kl", 7.5, 3)], NOW)
    history = registry._client.get_metric_history(run_id, "loss")
    assert sorted((each.step, each.value) for each in history) == [(each.step, each.value) for each in points]
    (kl,) = registry._client.get_metric_history(run_id, "kl")
    assert (kl.value, kl.step, kl.timestamp) == (7.5, 3, NOW.timestamp() * 1000)


def test_files_lie_at_the_root_of_the_run_and_the_run_ends(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "grid.png").write_bytes(b"a picture")
    run_id = registry.ensure_run("t1", "training", {})
    registry.log_files(run_id, tmp_path)
    assert [each.path for each in registry._client.list_artifacts(run_id)] == ["grid.png"]
    registry.finish_run(run_id)
    assert registry._client.get_run(run_id).info.status == "FINISHED"


def test_a_file_of_a_run_has_a_link_within_mlflows_own_pages(registry: Registry) -> None:
    run_id = registry.ensure_run("t1", "training", {})
    link = registry.run_file_link(run_id, "card.md")
    assert link.startswith("/#/experiments/") and link.endswith(f"/runs/{run_id}/artifacts/card.md")
    assert registry.run_file_url(run_id, "card.md") == f"{registry.url}{link}"


def test_a_server_that_is_away_is_unavailable() -> None:
    (port,) = free_ports(1)
    registry = Registry(f"http://127.0.0.1:{port}", "product")
    assert not registry.ready()
    with pytest.raises(StoreUnavailable, match=f"MLflow at http://127.0.0.1:{port} could not read alias champion"):
        registry.alias("champion")


QUESTIONS = {
    "list the versions": lambda registry: registry.versions(),
    "read version 1": lambda registry: registry.version("1"),
    "read alias champion": lambda registry: registry.alias("champion"),
    "tag version 1": lambda registry: registry.set_tag("1", "delivery", "shadow"),
    "set alias champion": lambda registry: registry.set_alias("champion", "1"),
    "delete alias champion": lambda registry: registry.delete_alias("champion"),
}


@pytest.mark.parametrize(("retries", "doing"), [*((1, each) for each in QUESTIONS), (0, "list the versions")])
def test_a_server_that_accepts_and_never_answers_is_asked_as_often_as_patience_says_and_given_up(
    monkeypatch: pytest.MonkeyPatch, retries: int, doing: str
) -> None:
    # what uploads are allowed: with it this test would take a quarter of an hour
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "7")
    assert Patience().retries == 1
    patience = Patience(question_s=0.2, retries=retries)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        registry = Registry(f"http://127.0.0.1:{silent.getsockname()[1]}", "product", patience)
        with pytest.raises(StoreUnavailable, match=f"could not {doing}: API request"):
            QUESTIONS[doing](registry)
        silent.settimeout(240)  # on a loaded machine a connection arrives after who made it has gone
        for _ in range(1 + retries):
            silent.accept()[0].close()
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_an_upload_is_not_held_to_the_limit_of_a_question(registry: Registry, tmp_path: Path) -> None:
    # that questions are held to it is shown above, with a silent server: here a quick answer could come within it
    registry = Registry(registry.url, registry.product, Patience(question_s=1e-6))
    (tmp_path / "weights.bin").write_bytes(bytes(8_000_000))
    run_id = registry.ensure_run("t1", "training", {})
    registry.log_files(run_id, tmp_path)
    registry.finish_run(run_id)
    (kept,) = registry._client.list_artifacts(run_id)
    assert kept.file_size == 8_000_000


def test_what_the_server_does_not_know_is_refused(registry: Registry) -> None:
    with pytest.raises(StoreRefused, match="refused to tag version 9"):
        registry.set_tag("9", "delivery", "shadow")
    with pytest.raises(StoreRefused, match="refused to read version 9"):
        registry.version("9")


def test_a_server_that_is_up_is_ready_and_shows_where_to_approve(registry: Registry) -> None:
    assert registry.ready()
    assert registry.version_url("3") == f"{registry.url}/#/models/{registry.product}/versions/3"
