"""The published release is signed: whoever changes the file, or signs with another key, is not followed."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.release import Release, ServedVersion
from deploy.stores.errors import ObjectMissing, SignatureInvalid, StoreCorrupt
from deploy.stores.objects.release_file import (
    PRIVATE_KEY_FILE,
    PUBLIC_KEY_FILE,
    generate_keys,
    load_keys,
    load_public_key,
    sign_release,
    verify_release,
)
from tests.deploy.stores.racing import PROCESSES, Racers

ONE = ServedVersion(version="1", digest="d1", artifact="artifacts/1")
RELEASE = Release(champion=ONE, changed_at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC), reason="promoted 1")


def test_a_signed_release_verifies_with_its_key_alone(tmp_path: Path) -> None:
    keys = generate_keys(tmp_path)
    data = sign_release(RELEASE, keys.private)
    assert verify_release(data, load_public_key(tmp_path / PUBLIC_KEY_FILE)) == RELEASE
    with pytest.raises(SignatureInvalid, match="find out who wrote the file"):
        verify_release(data, Ed25519PrivateKey.generate().public_key())


def test_any_change_of_the_file_breaks_the_signature(tmp_path: Path) -> None:
    keys = generate_keys(tmp_path)
    data = sign_release(RELEASE, keys.private)
    content = json.loads(data)
    forged = json.dumps({**content, "payload": content["payload"].replace("artifacts/1", "artifacts/2")})
    for wrong in (
        forged.encode(),
        data[:-10],
        b"",
        b"[]",
        b"\xff" * 40,
        data.replace(b'"signature":"', b'"signature":"!'),
    ):
        with pytest.raises(SignatureInvalid):
            verify_release(wrong, keys.public)


def test_a_signed_file_that_is_no_release_is_corrupt(tmp_path: Path) -> None:
    keys = generate_keys(tmp_path)

    class Newer(Release):
        lanes: tuple[str, ...] = ("a",)

    with pytest.raises(StoreCorrupt, match="newer Latentloop"):
        verify_release(sign_release(Newer(), keys.private), keys.public)


def test_keys_are_made_once_and_only_for_their_owner(tmp_path: Path) -> None:
    first = generate_keys(tmp_path / "secrets")
    second = generate_keys(tmp_path / "secrets")
    assert first.private.private_bytes_raw() == second.private.private_bytes_raw()
    assert first.private.private_bytes_raw().hex() not in repr(first)
    for name in (PRIVATE_KEY_FILE, PUBLIC_KEY_FILE):
        assert stat.S_IMODE((tmp_path / "secrets" / name).stat().st_mode) == 0o600
    assert sorted(path.name for path in (tmp_path / "secrets").iterdir()) == [PRIVATE_KEY_FILE, PUBLIC_KEY_FILE]


def _generate_in_process(folder: Path) -> bytes:
    return generate_keys(folder).private.private_bytes_raw()


def test_racing_starters_agree_on_one_pair_of_keys(tmp_path: Path, racers: Racers) -> None:
    assert len(set(racers.race(_generate_in_process, [(tmp_path,)] * PROCESSES))) == 1


def test_missing_and_broken_keys_are_named(tmp_path: Path) -> None:
    with pytest.raises(ObjectMissing, match="latentloop up"):
        load_keys(tmp_path)
    for name in (PRIVATE_KEY_FILE, PUBLIC_KEY_FILE):
        (tmp_path / name).write_text("not a key")
    with pytest.raises(StoreCorrupt, match="Ed25519 private key"):
        load_keys(tmp_path)
    with pytest.raises(StoreCorrupt, match="Ed25519 public key"):
        load_public_key(tmp_path / PUBLIC_KEY_FILE)
