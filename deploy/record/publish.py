"""Bring the release row's faces up to date: the signed file that replicas follow, and the registry's aliases."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.release import Release, ServedVersion
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


def mirror_aliases(release: Release, registry: Registry, registered: Mapping[str, str]) -> None:
    """Aliases show what the row says; they decide nothing. `registered`: number -> digest, as the registry has them.

    A version that somebody deleted has none, and serves on; nor has another model that bears its number.
    """
    for name in ("champion", "previous"):
        wanted, found = _bearer(getattr(release, name), registered), registry.alias(name)
        if wanted is None:
            if found is not None:
                registry.delete_alias(name)
        elif found != wanted:
            registry.set_alias(name, wanted)


def _bearer(served: ServedVersion | None, registered: Mapping[str, str]) -> str | None:
    """The number of what serves: the release's own, else the newest under which the same model was registered again."""
    if served is None or registered.get(served.version) == served.digest:
        return None if served is None else served.version
    return max((number for number, digest in registered.items() if digest == served.digest), key=int, default=None)


def _published(objects: ObjectStore, key: Ed25519PrivateKey) -> Release | None:
    if objects.etag(RELEASE_KEY) is None:
        return None
    try:
        return verify_release(objects.get(RELEASE_KEY).data, key.public_key())
    except (SignatureInvalid, StoreCorrupt):
        return None
