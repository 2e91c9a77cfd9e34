"""The registry against real MLflow servers, on SQLite and on PostgreSQL: what is written once, what is read back."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from deploy.stores.errors import StoreRefused, StoreUnavailable
from deploy.stores.mlflow.limits import DESCRIPTION, RUN_NAME
from deploy.stores.mlflow.registry import TRIGGER_TAG, CurvePoint, Patience, RegisteredVersion, Registry
from tests.deploy.serving.house import pictures, tiny_artifact
from tests.servers import free_ports
from vae_core.artifact import Artifact, write_artifact
from vae_core.inference import score_images

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Logged:
    """An artifact that MLflow holds as a logged model."""

    run_id: str
    uri: str
    artifact: Artifact


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server_url(request: pytest.FixtureRequest) -> str:
    """Give the MLflow server on that database."""
    name = "mlflow_url" if request.param == "sqlite" else "mlflow_on_postgresql"
    return str(request.getfixturevalue(name))


@pytest.fixture
def registry(server_url: str) -> Registry:
    """Make an empty registered model."""
    registry = Registry(server_url, f"product-{uuid.uuid4().hex}")
    registry.ensure_model()
    return registry


@pytest.fixture(scope="module")
def logged(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Logged:
    """Log one model, the source of every version here."""
    registry = Registry(server_url, f"logged-{uuid.uuid4().hex}")
    folder, artifact = tmp_path_factory.mktemp("logged") / "artifact", tiny_artifact(5)
    write_artifact(folder, artifact)
    run_id = registry.ensure_run("t1", "training", {})
    return Logged(run_id, registry.log_model(run_id, folder, (1, 28, 28)), artifact)


def create(
    registry: Registry,
    logged: Logged,
    trigger: str = "t1",
    description: str = "# a card",
    tags: Mapping[str, str] = MappingProxyType({"model_digest": "d1", "benchmark": "passed"}),
) -> RegisteredVersion:
    return registry.create_version(
        model_uri=logged.uri, run_id=logged.run_id, trigger=trigger, tags=tags, description=description
    )


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


def test_a_logged_model_loads_without_pickle_and_answers_as_the_artifact(
    registry: Registry, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.pyfunc

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    version, pixels = create(registry, logged), pictures(3, seed=6)
    assert logged.uri.startswith("models:/m-")
    answer = mlflow.pyfunc.load_model(f"models:/{registry.product}/{version.version}").predict({"pixels": pixels})
    expected = score_images(logged.artifact.model, pixels)
    np.testing.assert_allclose(answer["recon_error"], expected.recon_error, rtol=1e-5)
    np.testing.assert_allclose(answer["mu"], expected.mu, rtol=1e-4, atol=1e-5)
    assert answer["reconstruction"].shape == (3, 1, 28, 28)


def test_a_description_of_5000_characters_is_kept_whole_and_a_longer_one_is_refused_before_it_is_sent(
    registry: Registry, logged: Logged
) -> None:
    longest = "ä" * 4_990 + "\n| a |\n|-|"
    create(registry, logged, description=longest)
    assert registry._client.get_model_version(registry.product, "1").description == longest
    with pytest.raises(StoreRefused) as refused:
        create(registry, logged, "t2", longest + "x")
    assert str(refused.value) == (
        "registry: a description of 5,001 characters, 5,000 are kept: cut it at a section and log the whole among the "
        "run's files"
    )
    assert len(registry.versions()) == 1


def test_a_tag_that_is_too_long_is_cut_where_it_is_born_and_where_it_is_changed(
    registry: Registry, logged: Logged
) -> None:
    create(registry, logged, tags={"reason": "a" * 5_000, "architecture_at_risk": "b" * 5_001})
    registry.set_tag("1", "delivery", "c" * 100_000)
    tags = registry.version("1").tags
    assert (tags["reason"], tags["architecture_at_risk"]) == ("a" * 5_000, "b" * 4_999 + "…")
    assert tags["delivery"] == "c" * 4_999 + "…"


def test_the_limits_are_those_at_which_postgresql_refuses(mlflow_on_postgresql: str) -> None:
    from mlflow.exceptions import MlflowException

    registry = Registry(mlflow_on_postgresql, f"product-{uuid.uuid4().hex}")
    registry.ensure_model()
    client, product = registry._client, registry.product
    run = client.get_run(registry.ensure_run("t1", "n" * RUN_NAME, {}))

    def create_version(description: str) -> str:
        source, run_id = run.info.artifact_uri, run.info.run_id
        return str(client.create_model_version(product, source, run_id, description=description).version)

    version = create_version("d" * DESCRIPTION)
    for too_much in (
        lambda: create_version("d" * (DESCRIPTION + 1)),
        lambda: create_version("d\0"),
        lambda: client.set_model_version_tag(product, version, "a", "b\0"),
        lambda: client.create_run(run.info.experiment_id, run_name="n" * (RUN_NAME + 1)),
    ):
        with pytest.raises(MlflowException):
            too_much()


def test_a_trigger_that_is_too_long_to_be_found_again_is_refused(registry: Registry, logged: Logged) -> None:
    with pytest.raises(StoreRefused, match=r"^registry: a trigger of 5,001 characters, 5,000 are kept: use a shorter"):
        create(registry, logged, "t" * 5_001)
    with pytest.raises(StoreRefused, match="trigger of 5,001"):
        registry.ensure_run("t" * 5_001, "training", {})
    assert registry.versions() == []


def test_a_runs_name_is_cut_and_its_parameters_come_in_as_many_batches_as_they_need(registry: Registry) -> None:
    params = {f"param-{number:03d}": "v" * number for number in range(250)} | {"long": "x" * 7_000}
    run = registry._client.get_run(registry.ensure_run("t1", "n" * 300, params))
    assert run.info.run_name == "n" * 249 + "…"
    assert run.data.params == {**{name: value for name, value in params.items() if value}, "long": "x" * 500} | {
        "param-000": ""
    }


def test_characters_that_no_database_takes_are_left_out(registry: Registry, logged: Logged) -> None:
    odd = "camera\0-1 \udcff"
    run_id = registry.ensure_run("t1", f"from {odd}", {"folder": odd})
    create(registry, logged, description=odd, tags={"reason": odd})
    registry.set_tag("1", "delivery", odd)
    version, run = registry._client.get_model_version(registry.product, "1"), registry._client.get_run(run_id)
    assert (version.description, version.tags["reason"], version.tags["delivery"]) == ("camera-1 ?",) * 3
    assert (run.info.run_name, run.data.params) == ("from camera-1 ?", {"folder": "camera-1 ?"})


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
