"""Image arrays: the frozen benchmark sets, and what a plan chose of the window."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from deploy.record.holdouts import BenchmarkSet
from deploy.wiring import World
from tasks.run.steps import finished_step
from tasks.values import RetrainPlan, WindowSelection

if TYPE_CHECKING:
    from deploy.stores.objects.port import ObjectStore
    from vae_core.images.preprocessing import Preprocessing

WINDOW_STEP = "window"


def selection_of(world: World, plan: RetrainPlan) -> WindowSelection | None:
    """What the plan chose of the window; None for a plan without one."""
    return finished_step(world.objects, plan.key, WINDOW_STEP, WindowSelection)


def write_benchmark(
    objects: ObjectStore,
    name: str,
    pixels: np.ndarray,
    digests: list[str],
    sources: tuple[str, ...],
    preprocessing: Preprocessing,
    new_kind: frozenset[str] = frozenset(),
    cut: str = "",
    of_cut_groups: frozenset[str] = frozenset(),
) -> BenchmarkSet:
    """Freeze a hold-out under a name made of its content; writing it again changes nothing.

    `new_kind`: digests that were found to be of a new kind; its images among them are named in the manifest.
    `cut`: how it was chosen. `of_cut_groups`: digests whose look-alikes are trained on, their group being too large.
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
        "of_cut_groups": [each for each in digests if each in of_cut_groups],
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
            "preprocessing": preprocessing.digest,
            "cut": cut,
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


def probing_digests(objects: ObjectStore, prefix: str) -> list[str]:
    """Digests of a frozen set's images whose copies must not be trained on: all but those of a group that was cut."""
    manifest = json.loads(objects.get(f"{prefix}/manifest.json").data)
    spared = set(manifest.get("of_cut_groups", ()))
    return [digest for digest in manifest["digests"] if digest not in spared]


def new_kind_images(objects: ObjectStore, benchmark: BenchmarkSet, at_most: int) -> np.ndarray:
    """The first images (N, C, H, W) of a frozen set that were found to be of the new kind; N may be 0."""
    manifest = json.loads(objects.get(f"{benchmark.prefix}/manifest.json").data)
    new = set(manifest.get("new_kind", ()))
    rows = [row for row, digest in enumerate(manifest["digests"]) if digest in new]
    return read_benchmark(objects, benchmark, benchmark.n)[rows[:at_most]]
