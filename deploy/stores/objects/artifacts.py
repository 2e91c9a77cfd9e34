"""Versions in the object store: a prefix an artifact, the manifest last, every byte verified on the way back."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.stores.errors import InvalidKey, ObjectMissing, StoreCorrupt
from deploy.stores.objects.port import ObjectStore

if TYPE_CHECKING:
    from vae_core.artifact import Artifact
    from vae_core.golden import Golden
    from vae_core.images.preprocessing import Preprocessing
    from vae_core.reference import Reference
    from vae_core.sealed_folder import Manifest

MANIFEST = "manifest.json"


def artifact_prefix(digest: str) -> str:
    """Where the object store keeps the files of an artifact."""
    return f"artifacts/{digest}"


def put_artifact(objects: ObjectStore, folder: Path, prefix: str) -> None:
    """Copy an artifact folder; a prefix without its manifest is no artifact yet."""
    for path in sorted(folder.iterdir()):
        if path.name != MANIFEST:
            objects.put(f"{prefix}/{path.name}", path.read_bytes())
    objects.put(f"{prefix}/{MANIFEST}", (folder / MANIFEST).read_bytes())


def has_artifact(objects: ObjectStore, prefix: str, digest: str) -> bool:
    """Is there a complete manifest of this digest? The files are verified when they are fetched."""
    try:
        return hashlib.sha256(objects.get(f"{prefix}/{MANIFEST}").data).hexdigest() == digest
    except (InvalidKey, ObjectMissing):  # what is no name, or no digest at all, names no artifact
        return False


def copy_artifact(objects: ObjectStore, prefix: str, digest: str, folder: Path) -> None:
    """Fetch the files of an artifact into a new folder, all of them or none.

    Raises ObjectMissing, or StoreCorrupt when manifest or file are not what `digest` says.
    """
    manifest_bytes, manifest = _manifest(objects, prefix, digest)
    partial = folder.with_name(f"partial-{uuid.uuid4().hex}")
    try:
        partial.mkdir(parents=True)
        for name in manifest.files:
            (partial / name).write_bytes(_verified(objects, prefix, name, manifest))
        (partial / MANIFEST).write_bytes(manifest_bytes)
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process of this machine was quicker
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def fetch_artifact(objects: ObjectStore, prefix: str, digest: str, folder: Path) -> Artifact:
    """Copy an artifact into a new folder and read it."""
    from vae_core.artifact import read_artifact

    copy_artifact(objects, prefix, digest, folder)
    return read_artifact(folder, expected_digest=digest)


def fetch_golden(objects: ObjectStore, prefix: str, digest: str) -> Golden:
    """The golden inputs and answers of a version, without its weights; StoreCorrupt when it has none."""
    from safetensors.torch import load

    from vae_core.artifact_files import GOLDEN
    from vae_core.golden import Golden

    return Golden.from_tensors(load(_file(objects, prefix, digest, GOLDEN)))


def fetch_preprocessing(objects: ObjectStore, prefix: str, digest: str) -> Preprocessing:
    """What a version makes of an image before it sees it, without its weights."""
    from vae_core.artifact import read_document
    from vae_core.artifact_files import DOCUMENT

    return read_document(_verified(objects, prefix, DOCUMENT, _manifest(objects, prefix, digest)[1])).preprocessing


def fetch_reference(objects: ObjectStore, prefix: str, digest: str) -> Reference:
    """The reference of a version, without its weights; StoreCorrupt when it has none, ArtifactError when it is none.

    Read without torch, which would be a third of what `status` computes.
    """
    from safetensors.numpy import load

    from vae_core.artifact_files import REFERENCE
    from vae_core.reference import Reference

    return Reference.from_arrays(load(_file(objects, prefix, digest, REFERENCE)))


def _file(objects: ObjectStore, prefix: str, digest: str, name: str) -> bytes:
    """One file of a version, verified; StoreCorrupt where it has none of that name."""
    manifest = _manifest(objects, prefix, digest)[1]
    if name not in manifest.files:
        raise StoreCorrupt(f"{prefix}: the artifact has no {name}; evaluate and register it again")
    return _verified(objects, prefix, name, manifest)


def _manifest(objects: ObjectStore, prefix: str, digest: str) -> tuple[bytes, Manifest]:
    from vae_core.artifact_files import read_manifest

    content = objects.get(f"{prefix}/{MANIFEST}").data
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise StoreCorrupt(f"{prefix}/{MANIFEST}: expected digest {digest}, came {found}; register the version again")
    return content, read_manifest(content)


def _verified(objects: ObjectStore, prefix: str, name: str, manifest: Manifest) -> bytes:
    data = objects.get(f"{prefix}/{name}").data
    found, expected = hashlib.sha256(data).hexdigest(), manifest.files[name].sha256
    if found != expected:
        raise StoreCorrupt(f"{prefix}/{name}: expected sha256 {expected}, came {found}; register the version again")
    return data
