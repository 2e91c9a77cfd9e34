"""Which version answers a request, and which one is compared with it: pure functions of what is loaded.

A shadow answers only who asks for it by name; a canary answers its share of the requests, chosen by their ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from deploy.serving.errors import Problem
from vae_core.artifact import Artifact
from vae_core.families.registry import family_of
from vae_core.families.variants import PosteriorModel
from vae_core.images.preprocessing import Preprocessing
from vae_core.reference import Reference


@dataclass(frozen=True, slots=True)
class LoadedVersion:
    """A version in memory: verified, warm, never changed."""

    version: str
    digest: str
    artifact: Artifact
    loaded_at: datetime

    @property
    def preprocessing(self) -> Preprocessing:
        """What it expects of an image."""
        return self.artifact.preprocessing

    @property
    def posterior(self) -> PosteriorModel | None:
        """Its model, where that has a posterior to draw z from."""
        return family_of(self.artifact.model).with_posterior(self.artifact.model)

    @property
    def draws_z(self) -> bool:
        """Whether it can be asked for samples: a VQ-VAE has a code for an image, and no distribution of codes."""
        return self.posterior is not None

    @property
    def reference(self) -> Reference | None:
        """What it was accepted on; None for a version without one."""
        return self.artifact.reference


@dataclass(frozen=True, slots=True)
class Slots:
    """What is loaded, by role. `canary_share` in [0, 1]: the share of requests that the canary answers."""

    champion: LoadedVersion | None = None
    canary: LoadedVersion | None = None
    shadow: LoadedVersion | None = None
    previous: LoadedVersion | None = None
    canary_share: float = 0.0

    def named(self) -> Iterator[tuple[str, LoadedVersion]]:
        """Iterate over the filled slots with their names, the champion first."""
        for name in ("champion", "canary", "shadow", "previous"):
            version = getattr(self, name)
            if version is not None:
                yield name, version


@dataclass(frozen=True, slots=True)
class Pairing:
    """Who is compared with whom; `slot` is where the candidate stands."""

    champion: LoadedVersion
    candidate: LoadedVersion
    slot: str


def choose_pairing(slots: Slots) -> Pairing | None:
    """The champion and the version on trial: the canary, else the shadow, else previous; None without one.

    A slot that holds the champion's own artifact is passed over: it would be compared with itself. So is a version that
    makes other pixels of an image: errors of different images say nothing of each other.
    """
    champion = slots.champion
    if champion is None:
        return None
    for slot, version in slots.named():
        if version.digest != champion.digest and version.preprocessing.same_images(champion.preprocessing):
            return Pairing(champion, version, slot)
    return None


def choose_version(slots: Slots, request_id: str, wanted: str | None, *, samples: bool = False) -> LoadedVersion:
    """Choose the version that answers; `wanted` (a version's name) reaches every loaded one.

    A canary without draws of z answers no request for `samples`: that it has none is no failure of it.
    Raises `Problem` 404 for a version that is not loaded, 503 without a champion.
    """
    if wanted is not None:
        for _, version in slots.named():
            if version.version == wanted:
                return version
        loaded = ", ".join(f"{version.version} ({name})" for name, version in slots.named()) or "none"
        raise Problem(404, f"version {wanted[:100]!r} is not loaded on this replica; loaded: {loaded}")
    if slots.champion is None:
        raise Problem(
            503,
            "no version serves here yet: `latentloop status` shows which one waits for approval, and /readyz what "
            "keeps an approved one from being loaded",
        )
    if slots.canary is None or (samples and not slots.canary.draws_z):
        return slots.champion
    return slots.canary if request_share(request_id) < slots.canary_share else slots.champion


def choose_validator(slots: Slots, answering: LoadedVersion) -> LoadedVersion:
    """Whose preprocessing and reference validate the images: the champion's, so that all see the same requests.

    A version with another preprocessing uses its own, and so does every version while there is no champion.
    """
    champion = slots.champion
    same = champion is not None and champion.preprocessing.digest == answering.preprocessing.digest
    return champion if champion is not None and same else answering


def request_share(request_id: str) -> float:
    """Where a request lies in [0, 1): uniform over ids, the same on every replica."""
    return int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:8]) / 2**64
