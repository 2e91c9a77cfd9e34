"""A folder of files that appears whole or not at all, and in which every byte is verified before it is used.

`manifest.json` names each file with its sha256 and size; the sha256 of the manifest's own bytes is the
folder's digest.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vae_core.documents import digest_document, parse_document, to_canonical_json
from vae_core.errors import SealError

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 64 * 1024

PlainName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""A file name that cannot lead out of its folder: no separator, no leading dot."""


class ManifestEntry(BaseModel):
    """What one file must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0, description="bytes")


class Manifest(BaseModel):
    """The files of a sealed folder, by plain name; the manifest itself is not among them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    files: dict[PlainName, ManifestEntry]

    @property
    def digest(self) -> str:
        """The sha256 of the manifest's bytes: the identity of the folder's content."""
        return digest_document(self)


@dataclass(frozen=True, slots=True)
class Sealed:
    """The verified content of a sealed folder: files by name, and the folder's digest."""

    files: Mapping[str, bytes]
    digest: str


def parse_manifest(content: bytes) -> Manifest:
    """Read a manifest; SealError unless it is one, spelled as it was written."""
    if len(content) > MAX_MANIFEST_BYTES:
        raise SealError(f"{MANIFEST}: expected at most {MAX_MANIFEST_BYTES} bytes, came {len(content)}; fetch it again")
    try:
        manifest = parse_document(Manifest, content)
    except ValueError as error:
        raise SealError(f"{MANIFEST}: {error}; fetch it again") from error
    if MANIFEST in manifest.files or to_canonical_json(manifest) != content:
        raise SealError(f"{MANIFEST}: not spelled as it was written, or names itself; fetch it again")
    return manifest


Sync = Callable[[int], None]
"""Waits until what a descriptor stands for is on the disk; OSError where the disk refuses."""


def seal_folder(folder: Path, files: Mapping[str, bytes], sync: Sync = os.fsync) -> str:
    """Write files and a manifest, return the digest; a kill or a full disk leaves nothing under this name.

    Writing the same content again changes nothing. SealError when the folder holds something else or the disk
    refuses.
    """
    manifest = Manifest(
        files={
            name: ManifestEntry(sha256=hashlib.sha256(content).hexdigest(), size=len(content))
            for name, content in files.items()
        }
    )
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}.tmp")
    try:
        partial.mkdir(parents=True)
        for name, content in {**files, MANIFEST: to_canonical_json(manifest)}.items():
            _write_durably(partial / name, content, sync)
        _sync_folder(partial, sync)
        partial.rename(folder)
        _sync_folder(folder.parent, sync)
    except OSError as error:
        if not _holds(folder, manifest.digest):
            raise SealError(
                f"{folder}: cannot be written ({error.strerror or error}); free space, or choose a folder that is empty"
            ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest.digest


def open_sealed(folder: Path, expected_digest: str | None = None) -> Sealed:
    """Read all files of a sealed folder, after the manifest's digest and every file's sha256 were checked.

    SealError for whatever is missing, not named in the manifest, damaged, or no regular file.
    """
    manifest_bytes = _read(folder, MANIFEST, MAX_MANIFEST_BYTES)
    found = hashlib.sha256(manifest_bytes).hexdigest()
    if expected_digest is not None and found != expected_digest:
        raise SealError(f"{folder}: expected digest {expected_digest}, came {found}; fetch it again")
    manifest = parse_manifest(manifest_bytes)
    present = {entry.name for entry in folder.iterdir()} - {MANIFEST}
    if missing := sorted(set(manifest.files) - present):
        raise SealError(f"{folder}: {missing[0]} is missing; fetch it again")
    if extra := sorted(present - set(manifest.files)):
        raise SealError(f"{folder}: {extra[0]!r} is not in the manifest; fetch it again into an empty folder")
    return Sealed({name: _read_verified(folder, name, entry) for name, entry in manifest.files.items()}, found)


def _read_verified(folder: Path, name: str, entry: ManifestEntry) -> bytes:
    content = _read(folder, name, entry.size)
    found = hashlib.sha256(content).hexdigest()
    if found != entry.sha256:
        raise SealError(
            f"{folder / name}: expected {entry.size} bytes of sha256 {entry.sha256}, "
            f"came {len(content)} of {found}; fetch it again"
        )
    return content


def _read(folder: Path, name: str, most: int) -> bytes:
    """Read a regular file, at most one byte more than `most`; a link is not followed."""
    path = folder / name
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SealError(f"{path}: expected a regular file; fetch it again")
            return file.read(most + 1)
    except OSError as error:
        raise SealError(f"{path}: cannot be read ({error.strerror or error}); fetch it again") from error


def _holds(folder: Path, digest: str) -> bool:
    try:
        open_sealed(folder, digest)
    except SealError:
        return False
    return True


def _write_durably(path: Path, content: bytes, sync: Sync) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        sync(file.fileno())


def _sync_folder(folder: Path, sync: Sync) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)
