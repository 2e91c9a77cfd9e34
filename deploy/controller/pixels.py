"""Whether two versions make the same pixels of an image, so that their errors say something of each other."""

from __future__ import annotations

from deploy.release import Release, ServedVersion
from deploy.stores.errors import StoreError
from deploy.stores.objects.artifacts import fetch_preprocessing
from deploy.stores.objects.port import ObjectStore
from vae_core.errors import ArtifactError
from vae_core.images.preprocessing import Preprocessing


class Pixels:
    """Reads each version's preprocessing once."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._known: dict[str, Preprocessing] = {}

    def comparable(self, release: Release) -> bool:
        """Champion and the version on trial, or the one before it; True where there are no two, or one is unreadable.

        What cannot be read now is read at the next look: a trial that has begun meanwhile is only pairs.
        """
        champion, other = release.champion, release.canary or release.shadow or release.previous
        if champion is None or other is None:
            return True
        try:
            return self._read(champion).same_images(self._read(other))
        except (StoreError, ArtifactError):
            return True

    def _read(self, served: ServedVersion) -> Preprocessing:
        if served.digest not in self._known:
            self._known[served.digest] = fetch_preprocessing(self._objects, served.artifact, served.digest)
        return self._known[served.digest]
