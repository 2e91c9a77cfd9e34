"""Bring the release row's faces up to date: the signed file that replicas follow, and the registry's aliases."""

from __future__ import annotations

from collections.abc import Collection

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.release import Release
from deploy.stores.errors import SignatureInvalid, StoreCorrupt
from deploy.stores.mlflow.registry import Registry
from deploy.stores.objects.port import ObjectStore
from deploy.stores.objects.release_file import RELEASE_KEY, sign_release, verify_release


def publish_release(release: Release, objects: ObjectStore, key: Ed25519PrivateKey) -> bool:
    """Write the signed file when the store holds another release; True when it was written.

    The file is compared as a whole, so a file that somebody altered is replaced at the next look.
    """
    if release.epoch == 0 or _published(objects, key) == release:
        return False
    objects.put(RELEASE_KEY, sign_release(release, key))
    return True


def mirror_aliases(release: Release, registry: Registry, registered: Collection[str]) -> None:
    """Aliases show what the row says; they decide nothing. A version that somebody deleted has none, and serves on."""
    for name in ("champion", "previous"):
        wanted = getattr(release, name)
        found = registry.alias(name)
        if wanted is None or wanted.version not in registered:
            if found is not None:
                registry.delete_alias(name)
        elif found != wanted.version:
            registry.set_alias(name, wanted.version)


def _published(objects: ObjectStore, key: Ed25519PrivateKey) -> Release | None:
    if objects.etag(RELEASE_KEY) is None:
        return None
    try:
        return verify_release(objects.get(RELEASE_KEY).data, key.public_key())
    except (SignatureInvalid, StoreCorrupt):
        return None
