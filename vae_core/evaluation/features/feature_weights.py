"""The weights of the feature network as safetensors, known by their content: no name can hold others."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from safetensors.torch import load_file

from vae_core.documents import parse_document
from vae_core.errors import ArtifactError

EFFLITE0_WEIGHTS_DIGEST = "0ee0f4505e1b5474c4d4bd7d3684e30111935412a9b3f449d52e648c84863a0d"
"""`digest_tensors` of EfficientNet-Lite0's ImageNet weights without the classifier."""


class FeatureWeightsHeader(BaseModel):
    """The JSON beside a weights file: where it came from, under which licence, and what it must contain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    name: str
    source: str
    source_sha256: str
    licence: str
    weights_digest: str


def load_efflite0_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read the converted weights and make sure that they are the known ones; ArtifactError otherwise."""
    advice = f"run `python -m vae_core.evaluation.features.convert_features {path}`"
    try:
        header = parse_document(FeatureWeightsHeader, header_path(path).read_bytes())
        tensors = load_file(path)
    except (OSError, ValueError, SafetensorError) as error:
        raise ArtifactError(f"feature weights {path}: cannot be read ({error}); {advice}") from error
    for what, digest in (("weights", digest_tensors(tensors)), ("header", header.weights_digest)):
        if digest != EFFLITE0_WEIGHTS_DIGEST:
            raise ArtifactError(
                f"feature weights {path}: the {what} should have the digest {EFFLITE0_WEIGHTS_DIGEST[:12]}…, "
                f"came {digest[:12]}…; {advice}"
            )
    return tensors


def header_path(path: Path) -> Path:
    """Where the JSON header of a weights file lies."""
    return path.with_suffix(".json")


def digest_tensors(tensors: Mapping[str, torch.Tensor]) -> str:
    """Give the sha256 over names, types, shapes and bytes in the order of names; no file format is in it."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.numpy().data)
    return digest.hexdigest()
