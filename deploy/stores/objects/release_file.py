"""The published release: a small signed file in the object store that every replica follows.

`{"payload": <release as JSON text>, "signature": <base64>, "key_id": <hex>}`; Ed25519 over the payload.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.release import Release
from deploy.stores.errors import SignatureInvalid, StoreCorrupt
from deploy.stores.faults import register
from deploy.stores.objects.port import ObjectStore
from deploy.stores.secret_file import read_secret, write_once

KEYS = register("release_file.keys", "the pair of keys that signs releases")

RELEASE_KEY = "release/current.json"
PRIVATE_KEY_FILE = "release-private.pem"
PUBLIC_KEY_FILE = "release-public.pem"


class SignedRelease(BaseModel):
    """The file as it lies in the store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    payload: str
    signature: str
    key_id: str


@dataclass(frozen=True, slots=True)
class ReleaseKeys:
    """The controller holds both, a replica only the public one."""

    private: Ed25519PrivateKey = field(repr=False)
    public: Ed25519PublicKey


def sign_release(release: Release, private_key: Ed25519PrivateKey) -> bytes:
    """Write the bytes to publish under `RELEASE_KEY`."""
    payload = release.model_dump_json()
    signature = private_key.sign(payload.encode())
    return (
        SignedRelease(
            payload=payload,
            signature=base64.b64encode(signature).decode(),
            key_id=_key_id(private_key.public_key()),
        )
        .model_dump_json()
        .encode()
    )


def verify_release(data: bytes, public_key: Ed25519PublicKey) -> Release:
    """Read the release in the file; SignatureInvalid unless this key signed exactly these bytes."""
    try:
        signed = SignedRelease.model_validate_json(data)
        public_key.verify(base64.b64decode(signed.signature, validate=True), signed.payload.encode())
    except (ValidationError, binascii.Error, InvalidSignature, ValueError) as error:
        raise SignatureInvalid(
            f"release file of {len(data)} bytes: expected a signature of key {_key_id(public_key)}, which it "
            "does not carry; keep the release at hand and find out who wrote the file"
        ) from error
    try:
        return Release.model_validate_json(signed.payload)
    except ValidationError as error:
        raise StoreCorrupt(
            "release file: signed, but no release of schema_version 1; was it written by a newer Latentloop?"
        ) from error


def publish_release(release: Release, objects: ObjectStore, key: Ed25519PrivateKey) -> bool:
    """Write the signed file when the store holds another release; True when it was written.

    The file is compared as a whole, so a file that somebody altered is replaced at the next look.
    """
    if release.epoch == 0 or _published(objects, key) == release:
        return False
    objects.put(RELEASE_KEY, sign_release(release, key))
    return True


def _published(objects: ObjectStore, key: Ed25519PrivateKey) -> Release | None:
    if objects.etag(RELEASE_KEY) is None:
        return None
    try:
        return verify_release(objects.get(RELEASE_KEY).data, key.public_key())
    except (SignatureInvalid, StoreCorrupt):
        return None


def generate_keys(folder: Path) -> ReleaseKeys:
    """Write both keys with mode 0600; keys that are there already are kept and returned."""
    path = folder / PRIVATE_KEY_FILE
    with KEYS:
        if not path.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            private = Ed25519PrivateKey.generate()
            write_once(path, _private_bytes(private))
        keys = load_keys(folder)
        write_once(folder / PUBLIC_KEY_FILE, _public_bytes(keys.public))
    return keys


def load_keys(folder: Path) -> ReleaseKeys:
    """Read the pair that `generate_keys` wrote."""
    path = folder / PRIVATE_KEY_FILE
    try:
        private = serialization.load_pem_private_key(read_secret(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise StoreCorrupt(f"{path}: expected an Ed25519 private key as PEM; restore it") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise StoreCorrupt(f"{path}: expected an Ed25519 private key, got {type(private).__name__}; restore it")
    return ReleaseKeys(private=private, public=private.public_key())


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Read the key that a replica verifies with."""
    try:
        public = serialization.load_pem_public_key(read_secret(path))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise StoreCorrupt(f"{path}: expected an Ed25519 public key as PEM; restore it") from error
    if not isinstance(public, Ed25519PublicKey):
        raise StoreCorrupt(f"{path}: expected an Ed25519 public key, got {type(public).__name__}; restore it")
    return public


def _private_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_bytes(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _key_id(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]
