"""Image arrays of a plan: the training rows of the catalogue, decoded, and the frozen benchmark sets."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING

import numpy as np

from tasks.context import objects
from tasks.steps import finished_step
from tasks.values import BenchmarkSet, RetrainPlan, WindowSelection

if TYPE_CHECKING:
    import pyarrow as pa

    from deploy.stores.catalogue import Catalogue
    from deploy.stores.objects import ObjectStore
    from vae_core.preprocessing import Preprocessing

WINDOW_STEP = "window"


def training_rows(catalogue: Catalogue, plan: RetrainPlan, columns: list[str]) -> pa.Table:
    """Rows of the plan's catalogue version that may be trained on, in the order of segment and row.

    Their source is for training, and no set that was cut from traffic holds them, nor the plan's own early stopping;
    of those older than the window, as many as the plan replays.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = [*dict.fromkeys([*columns, "source", "digest", "captured_at"])]
    rows = catalogue.read(wanted, version=plan.catalogue_version)
    rows = rows.filter(pc.is_in(rows["source"], value_set=pa.array(plan.sources, pa.string())))
    if kept_out := _kept_out(plan):
        rows = rows.filter(pc.invert(pc.is_in(rows["digest"], value_set=pa.array(kept_out, pa.string()))))
    if plan.window_began is not None and plan.replay_images is not None:
        rows = rows.filter(_replayed(in_window(rows, plan), plan.replay_images, plan.train.seed))
    return rows


def early_stopping_rows(catalogue: Catalogue, plan: RetrainPlan, columns: list[str]) -> pa.Table:
    """Rows of the plan's new kind that are watched while training, and not trained on; often none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    chosen = selection_of(plan)
    watched = chosen.early_stopping if chosen is not None else ()
    rows = catalogue.read([*dict.fromkeys([*columns, "digest"])], version=plan.catalogue_version)
    return rows.filter(pc.is_in(rows["digest"], value_set=pa.array(watched, pa.string())))


def in_window(rows: pa.Table, plan: RetrainPlan) -> np.ndarray:
    """Which rows (N,) bool were captured since the plan's window began; all where it has none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if plan.window_began is None:
        return np.ones(len(rows), dtype=bool)
    began = pa.scalar(plan.window_began, rows["captured_at"].type)
    inside: np.ndarray = pc.greater_equal(rows["captured_at"], began).to_numpy()
    return inside


def selection_of(plan: RetrainPlan) -> WindowSelection | None:
    """What the plan chose of the window; None for a plan without one."""
    return finished_step(objects(), plan.key, WINDOW_STEP, WindowSelection)


def _kept_out(plan: RetrainPlan) -> list[str]:
    chosen = selection_of(plan)
    return [
        *(digest for prefix in plan.held_back for digest in benchmark_digests(objects(), prefix)),
        *(chosen.early_stopping if chosen is not None else ()),
    ]


def _replayed(window: np.ndarray, at_most: int, seed: int) -> np.ndarray:
    """The window, and of the older rows as many as are asked for, the same at every call."""
    older = np.flatnonzero(~window)
    kept = window.copy()
    kept[np.random.default_rng(seed).permutation(older)[:at_most]] = True
    return kept


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
    objects: ObjectStore,
    name: str,
    pixels: np.ndarray,
    digests: list[str],
    sources: tuple[str, ...],
    new_kind: frozenset[str] = frozenset(),
) -> BenchmarkSet:
    """Freeze a hold-out under a name made of its content; writing it again changes nothing.

    `new_kind`: digests that were found to be of a new kind; its images among them are named in the manifest.
    """
    from safetensors.numpy import save

    digest = hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()
    prefix = f"benchmarks/{name}-{digest[:16]}"
    found = [each for each in digests if each in new_kind]
    objects.put(f"{prefix}/images.safetensors", save({"pixels": pixels}))
    manifest = {
        "schema_version": 1,
        "digest": digest,
        "n": len(pixels),
        "sources": sources,
        "digests": digests,
        "new_kind": found,
    }
    objects.put(f"{prefix}/manifest.json", json.dumps(manifest).encode())
    return BenchmarkSet.model_validate(
        {
            "name": name,
            "prefix": prefix,
            "digest": digest,
            "n": len(pixels),
            "sources": sources,
            "n_new_kind": len(found),
        }
    )


def read_benchmark(objects: ObjectStore, benchmark: BenchmarkSet, at_most: int) -> np.ndarray:
    """The first `at_most` images (N, C, H, W) uint8 of a frozen set; their order was shuffled when it was cut."""
    from safetensors.numpy import load

    pixels: np.ndarray = load(objects.get(f"{benchmark.prefix}/images.safetensors").data)["pixels"]
    return pixels[:at_most]


def benchmark_digests(objects: ObjectStore, prefix: str) -> list[str]:
    """Digests of a frozen set's images, in their order."""
    found: list[str] = json.loads(objects.get(f"{prefix}/manifest.json").data)["digests"]
    return found


def new_kind_images(objects: ObjectStore, benchmark: BenchmarkSet, at_most: int) -> np.ndarray:
    """The first images (N, C, H, W) of a frozen set that were found to be of the new kind; N may be 0."""
    manifest = json.loads(objects.get(f"{benchmark.prefix}/manifest.json").data)
    new = set(manifest.get("new_kind", ()))
    rows = [row for row, digest in enumerate(manifest["digests"]) if digest in new]
    return read_benchmark(objects, benchmark, benchmark.n)[rows[:at_most]]
