"""An artifact comes back byte by byte as its digest says, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.stores.errors import StoreCorrupt
from deploy.stores.objects.artifacts import copy_artifact, has_artifact
from tests.deploy.serving.house import House


@pytest.mark.parametrize("file", ["weights.safetensors", "model.json", "reference.safetensors"])
def test_a_changed_file_is_refused_and_leaves_nothing(house: House, tmp_path: Path, file: str) -> None:
    served = house.add_version("1", seed=1)
    key = f"{served.artifact}/{file}"
    data = house.objects.get(key).data
    house.objects.put(key, data[:-1] + bytes([data[-1] ^ 1]))
    copies = tmp_path / "copies"
    with pytest.raises(StoreCorrupt, match=f"^artifacts/1/{file}: expected sha256"):
        copy_artifact(house.objects, served.artifact, served.digest, copies / "1")
    assert list(copies.iterdir()) == []


def test_another_artifact_under_the_name_is_refused(house: House, tmp_path: Path) -> None:
    first, second = house.add_version("1", seed=1), house.add_version("2", seed=2)
    copies = tmp_path / "copies"
    with pytest.raises(StoreCorrupt, match="manifest.json: expected digest"):
        copy_artifact(house.objects, second.artifact, first.digest, copies / "1")
    assert not copies.exists()
    assert has_artifact(house.objects, second.artifact, second.digest)
    assert not has_artifact(house.objects, second.artifact, first.digest)


def test_the_manifest_of_the_tests_is_a_real_one(house: House) -> None:
    served = house.add_version("1", seed=1)
    manifest = json.loads(house.objects.get(f"{served.artifact}/manifest.json").data)
    assert "weights.safetensors" in json.dumps(manifest)
