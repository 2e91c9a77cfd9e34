"""Image arrays of a plan: the training rows of the catalogue, decoded, and the frozen benchmark sets."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING

import numpy as np

from tasks.values import BenchmarkSet, RetrainPlan

if TYPE_CHECKING:
    import pyarrow as pa

    from deploy.stores.catalogue import Catalogue
    from deploy.stores.objects import ObjectStore
    from vae_core.preprocessing import Preprocessing


def training_rows(catalogue: Catalogue, plan: RetrainPlan, columns: list[str]) -> pa.Table:
    """Rows of the plan's catalogue version whose source is for training, in the order of segment and row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = catalogue.read([*dict.fromkeys([*columns, "source"])], version=plan.catalogue_version)
    return rows.filter(pc.is_in(rows["source"], value_set=pa.array(plan.sources, pa.string())))


def decode_rows(encoded: pa.ChunkedArray, preprocessing: Preprocessing) -> np.ndarray:
    """Encoded images as uint8 (N, C, H, W), by the preprocessing that serving uses."""
    from PIL import Image

    from vae_core.preprocessing import to_pixels

    pixels = np.empty((len(encoded), *preprocessing.shape), dtype=np.uint8)
    for row, data in enumerate(encoded):
        with Image.open(io.BytesIO(data.as_py())) as image:
            pixels[row] = to_pixels(image, preprocessing)
    return pixels


def write_benchmark(
    objects: ObjectStore, name: str, pixels: np.ndarray, digests: list[str], sources: tuple[str, ...]
) -> BenchmarkSet:
    """Freeze a hold-out under a name made of its content; writing it again changes nothing."""
    from safetensors.numpy import save

    digest = hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()
    prefix = f"benchmarks/{name}-{digest[:16]}"
    objects.put(f"{prefix}/images.safetensors", save({"pixels": pixels}))
    manifest = {"schema_version": 1, "digest": digest, "n": len(pixels), "sources": sources, "digests": digests}
    objects.put(f"{prefix}/manifest.json", json.dumps(manifest).encode())
    return BenchmarkSet.model_validate(
        {"name": name, "prefix": prefix, "digest": digest, "n": len(pixels), "sources": sources}
    )


def read_benchmark(objects: ObjectStore, benchmark: BenchmarkSet, at_most: int) -> np.ndarray:
    """The first `at_most` images (N, C, H, W) uint8 of a frozen set; their order was shuffled when it was cut."""
    from safetensors.numpy import load

    pixels: np.ndarray = load(objects.get(f"{benchmark.prefix}/images.safetensors").data)["pixels"]
    return pixels[:at_most]
