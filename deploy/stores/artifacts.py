"""Versions in the object store: a prefix an artifact, the manifest last, every byte verified on the way back."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.stores.errors import InvalidKey, ObjectMissing, StoreCorrupt
from deploy.stores.objects import ObjectStore

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.artifact import Artifact
    from vae_core.golden import Golden
    from vae_core.preprocessing import Preprocessing
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
    """The golden inputs and answers of a version, without its weights."""
    from vae_core.golden import Golden

    return Golden.from_tensors(fetch_tensors(objects, prefix, digest, "golden.safetensors"))


def fetch_preprocessing(objects: ObjectStore, prefix: str, digest: str) -> Preprocessing:
    """What a version makes of an image before it sees it, without its weights."""
    from vae_core.artifact import DOCUMENT, read_document

    return read_document(_verified(objects, prefix, DOCUMENT, _manifest(objects, prefix, digest)[1])).preprocessing


def fetch_tensors(objects: ObjectStore, prefix: str, digest: str, name: str) -> dict[str, Tensor]:
    """One safetensors file of an artifact, verified; StoreCorrupt when the version has none of that name."""
    from safetensors.torch import load

    manifest = _manifest(objects, prefix, digest)[1]
    if name not in manifest.files:
        raise StoreCorrupt(f"{prefix}: the artifact has no {name}; evaluate and register it again")
    tensors: dict[str, Tensor] = load(_verified(objects, prefix, name, manifest))
    return tensors


def _manifest(objects: ObjectStore, prefix: str, digest: str) -> tuple[bytes, Manifest]:
    from vae_core.artifact import read_manifest

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
