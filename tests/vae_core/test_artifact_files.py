"""The files of a version, by its manifest alone."""

import json

import pytest

from tests.vae_core.whole_artifact import PARTS, whole_artifact
from vae_core.artifact import read_artifact, write_artifact
from vae_core.artifact_files import read_manifest
from vae_core.errors import ArtifactError
from vae_core.sealed_folder import MANIFEST


@pytest.fixture
def folder(tmp_path):
    write_artifact(tmp_path / "version", whole_artifact())
    return tmp_path / "version"


def test_a_manifest_can_be_read_before_the_files_are_there(folder):
    manifest = read_manifest((folder / MANIFEST).read_bytes())
    assert set(manifest.files) == {"model.json", *PARTS}
    assert all(entry.size == (folder / name).stat().st_size for name, entry in manifest.files.items())
    assert manifest.digest == read_artifact(folder, expected_digest=None).digest


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "weights.pkl"])
def test_a_manifest_with_other_names_is_refused(folder, name):
    document = json.loads((folder / MANIFEST).read_bytes())
    document["files"][name] = document["files"]["model.json"]
    content = json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    with pytest.raises(ArtifactError, match="manifest.json|is no file of a version"):
        read_manifest(content)
