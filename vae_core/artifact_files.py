"""Which files an artifact has, and its manifest: for who copies or reads a version file by file, without torch."""

from __future__ import annotations

from collections.abc import Iterable

from vae_core.errors import ArtifactError, SealError
from vae_core.sealed_folder import Manifest, parse_manifest

DOCUMENT, WEIGHTS, PRIOR, REFERENCE, GOLDEN = (
    "model.json",
    "weights.safetensors",
    "prior.safetensors",
    "reference.safetensors",
    "golden.safetensors",
)
_REQUIRED, _OPTIONAL = {DOCUMENT, WEIGHTS}, {PRIOR, REFERENCE, GOLDEN}


def read_manifest(content: bytes) -> Manifest:
    """Read a manifest; ArtifactError for any other content."""
    try:
        manifest = parse_manifest(content)
    except SealError as error:
        raise ArtifactError(f"artifact {error}") from error
    require_names(manifest.files)
    return manifest


def require_names(names: Iterable[str]) -> None:
    """ArtifactError unless these are the files of a version."""
    found = set(names)
    if missing := sorted(_REQUIRED - found):
        raise ArtifactError(f"{missing[0]} is not among its files; register the version again")
    if unknown := sorted(found - _REQUIRED - _OPTIONAL):
        raise ArtifactError(f"{unknown[0]!r} is no file of a version; register the version again")
