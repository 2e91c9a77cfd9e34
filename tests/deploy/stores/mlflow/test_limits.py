"""How long MLflow's texts may be: what is cut, what is refused, and that its database on PostgreSQL refuses no less."""

from __future__ import annotations

import uuid

import pytest

from deploy.stores.errors import StoreRefused
from deploy.stores.mlflow.limits import DESCRIPTION, RUN_NAME
from deploy.stores.mlflow.registry import Registry
from tests.deploy.stores.mlflow.registering import MARKS, Logged, create

pytestmark = MARKS


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
