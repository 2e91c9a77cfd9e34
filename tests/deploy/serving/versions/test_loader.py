from __future__ import annotations

import pytest
import torch

from deploy.release import ServedVersion
from deploy.serving.errors import VersionLoadFailed
from deploy.serving.versions.loader import VersionLoader
from tests.deploy.serving.house import House, pictures
from vae_core.inference import score_images


@pytest.fixture
def loader(house: House) -> VersionLoader:
    return VersionLoader(house.objects, house.cache, golden_tolerance=1e-2, batch_max=4)


def _copies(house: House) -> list[str]:
    folder = house.cache / "artifacts"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_version_comes_as_it_was_registered(house: House, loader: VersionLoader) -> None:
    served = house.add_version("1", seed=1)
    loaded = loader.load(served)
    assert (loaded.version, loaded.digest) == ("1", served.digest)
    assert _copies(house) == [served.digest]
    again = loader.load(served)
    images = pictures(3)
    assert torch.equal(
        torch.from_numpy(score_images(loaded.artifact.model, images).mu),
        torch.from_numpy(score_images(again.artifact.model, images).mu),
    )


def test_a_second_load_needs_no_object_store(house: House, loader: VersionLoader) -> None:
    served = house.add_version("1", seed=1)
    loader.load(served)
    house.objects.root.rename(house.root / "away")
    assert loader.load(served).digest == served.digest


def test_a_copy_that_rotted_on_this_disk_is_fetched_again(house: House, loader: VersionLoader) -> None:
    served = house.add_version("1", seed=1)
    loader.load(served)
    weights = house.cache / "artifacts" / served.digest / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    assert loader.load(served).digest == served.digest


@pytest.mark.parametrize("file", ["weights.safetensors", "model.json", "reference.safetensors"])
def test_a_changed_file_is_refused_by_the_version_s_name_and_leaves_no_copy(
    house: House, loader: VersionLoader, file: str
) -> None:
    served = house.add_version("1", seed=1)
    key = f"{served.artifact}/{file}"
    data = house.objects.get(key).data
    house.objects.put(key, data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(VersionLoadFailed, match=f"version 1: .*{file}: expected sha256"):
        loader.load(served)
    assert _copies(house) == []


def test_another_artifact_under_its_name_is_refused(house: House, loader: VersionLoader) -> None:
    first, second = house.add_version("1", seed=1), house.add_version("2", seed=2)
    swapped = ServedVersion(version="1", digest=first.digest, artifact=second.artifact)
    with pytest.raises(VersionLoadFailed, match="version 1: .*manifest.json: expected digest"):
        loader.load(swapped)
    assert _copies(house) == []


def test_a_manifest_that_points_outside_is_refused(house: House, loader: VersionLoader) -> None:
    served = house.add_version("1", seed=1)
    key = f"{served.artifact}/manifest.json"
    text = house.objects.get(key).data.decode()
    house.objects.put(key, text.replace("model.json", "../../model.json").encode())
    with pytest.raises(VersionLoadFailed, match="version 1"):
        loader.load(served)
    assert _copies(house) == []


def test_a_digest_that_is_a_path_is_refused(house: House, loader: VersionLoader) -> None:
    with pytest.raises(VersionLoadFailed, match="no sha256"):
        loader.load(ServedVersion(version="1", digest="../../etc", artifact="artifacts/1"))


def test_a_missing_artifact_says_so(house: House, loader: VersionLoader) -> None:
    with pytest.raises(VersionLoadFailed, match="version 7: .*artifacts/7/manifest.json"):
        loader.load(ServedVersion(version="7", digest="0" * 64, artifact="artifacts/7"))


def test_a_version_whose_golden_answers_do_not_come_out_is_refused(house: House) -> None:
    served = house.add_version("1", seed=1)
    strict = VersionLoader(house.objects, house.cache, golden_tolerance=-1, batch_max=4)
    with pytest.raises(VersionLoadFailed, match="golden answers"):
        strict.load(served)


def test_only_the_versions_of_the_release_stay_on_disk(house: House, loader: VersionLoader) -> None:
    first, second = house.add_version("1", seed=1), house.add_version("2", seed=2)
    loader.load(first)
    loader.load(second)
    (house.cache / "artifacts" / "partial-of-a-killed-fetch").mkdir()
    loader.keep_only([second.digest])
    assert _copies(house) == [second.digest]
