"""What the registry's tests share: a model that MLflow holds, and versions that are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pytest

from deploy.stores.mlflow.registry import RegisteredVersion, Registry
from vae_core.artifact import Artifact

MARKS = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]


@dataclass(frozen=True)
class Logged:
    """An artifact that MLflow holds as a logged model."""

    run_id: str
    uri: str
    artifact: Artifact


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
