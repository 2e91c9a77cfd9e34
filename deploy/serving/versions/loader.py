"""A version on this replica: fetched file by file against its manifest, verified, loaded and warmed up.

Copies live under `<cache>/artifacts/<digest>`; one appears there whole or not at all, every load verifies it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from deploy.release import ServedVersion
from deploy.serving.errors import VersionLoadFailed
from deploy.serving.versions.router import LoadedVersion
from deploy.stores.errors import StoreError
from deploy.stores.objects.artifacts import copy_artifact
from deploy.stores.objects.port import ObjectStore
from vae_core.artifact import Artifact, check_golden, read_artifact
from vae_core.errors import VaeCoreError
from vae_core.inference import score_images

_DIGEST = re.compile(r"[0-9a-f]{64}")


class VersionLoader:
    """Loads versions from the object store through a local cache."""

    def __init__(self, objects: ObjectStore, cache_folder: Path, *, golden_tolerance: float, batch_max: int) -> None:
        self._objects = objects
        self._folder = cache_folder / "artifacts"
        self._golden_tolerance = golden_tolerance
        self._batch_max = batch_max

    def load(self, served: ServedVersion) -> LoadedVersion:
        """Load a version until it can answer. Raises `VersionLoadFailed`; nothing half fetched stays."""
        if not _DIGEST.fullmatch(served.digest):
            raise VersionLoadFailed(f"version {served.version}: digest {served.digest[:80]!r} is no sha256 in hex")
        try:
            artifact = self._read(served)
            self._warm_up(served, artifact)
        except (StoreError, VaeCoreError, OSError, RuntimeError, ValueError) as error:
            raise VersionLoadFailed(f"version {served.version}: {error}") from error
        return LoadedVersion(served.version, served.digest, artifact, datetime.now(UTC))

    def keep_only(self, digests: Iterable[str]) -> None:
        """Remove the local copies of all other versions, and what a killed fetch left."""
        kept = set(digests)
        for folder in self._folder.iterdir() if self._folder.is_dir() else ():
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _read(self, served: ServedVersion) -> Artifact:
        copy = self._folder / served.digest
        if copy.is_dir():
            try:
                return read_artifact(copy, expected_digest=served.digest)
            except VaeCoreError:
                shutil.rmtree(copy)  # damaged on this disk; the object store has the original
        copy_artifact(self._objects, served.artifact.rstrip("/"), served.digest, copy)
        return read_artifact(copy, expected_digest=served.digest)

    def _warm_up(self, served: ServedVersion, artifact: Artifact) -> None:
        """First passes in both batch sizes, so that no request pays for them; golden answers must match."""
        for size in (1, self._batch_max):
            scores = score_images(artifact.model, np.full((size, *artifact.preprocessing.shape), 128, np.uint8))
            if not scores.all_finite():
                raise VersionLoadFailed(
                    f"version {served.version}: a grey image has an error, a norm, a KL or a distance from its codes "
                    "that is not finite"
                )
        if artifact.golden is None:
            return
        deviation = check_golden(artifact.golden, artifact.model)
        if not deviation <= self._golden_tolerance:
            raise VersionLoadFailed(
                f"version {served.version}: its golden answers come {deviation:.2g} away on this machine, "
                f"at most {self._golden_tolerance:.2g} is allowed"
            )
