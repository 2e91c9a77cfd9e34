"""The traffic as the champion sees it, and the stretch of it that holds enough of a new kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from deploy.wiring import World
from tasks.dataset.pixels import read_pixels
from tasks.errors import NotEnoughData
from tasks.run.device import training_device
from tasks.run.progress import counting, tell_step

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from data_checks.kinds.new_kind import NewKind, Places
    from data_checks.sample import Sample
    from vae_core.artifact import Artifact

FIRST_LOOK = 3  # times the wanted images: where a third of the traffic is new, the first look has enough
SEED = 0


def read_captured(world: World, rows: pa.Table, version: int, artifact: Artifact) -> np.ndarray:
    """Pixels of these images, uint8 (N, C, H, W), in the order of the rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not len(rows):
        raise NotEnoughData(
            "0 images were captured from traffic since the champion's data: expected some to find a new kind in; "
            "let it serve first"
        )
    catalogue, wanted = world.catalogue, rows["digest"].to_pylist()
    found = catalogue.read(["segment", "row", "digest"], version=version)
    found = found.filter(pc.is_in(found["digest"], value_set=pa.array(wanted, pa.string())))
    place = {digest: row for row, digest in enumerate(found["digest"].to_pylist())}
    decoded = read_pixels(catalogue, version, found, artifact.preprocessing, "captured images")
    return decoded[[place[digest] for digest in wanted]]


def score_captured(world: World, pixels: np.ndarray, artifact: Artifact) -> Sample:
    """The champion's view of these images, in the form of its own reference."""
    import torch

    from data_checks.sample import Sample
    from vae_core.placement import model_on
    from vae_core.reference import measure_reference

    device = training_device(world)
    torch.set_num_threads(world.settings.training.threads)
    tell = counting("scoring", "captured images by the version that serves", len(pixels))
    return Sample.of(measure_reference(model_on(artifact.model, device), pixels, device=device, on_progress=tell))


def place_by_kinds(world: World, pixels: np.ndarray, digest: str) -> Places | None:
    """Where these images, and those of a version's reference, lie in the feature network's space.

    `digest`: the version's. None for one that has none kept.
    """
    from tasks.dataset.kinds_known import read_kinds
    from tasks.scoring.measure import open_extractor
    from vae_core.evaluation.features.real_features import extract_real_features

    extractor = open_extractor(world)
    if (space := read_kinds(world, digest, extractor)) is None:
        return None
    found = extract_real_features(pixels, extractor, counting("features", "captured images", len(pixels)))
    return space.place(found.features), space.points


def look_back(
    world: World, sample: Sample, reference: Sample, wanted: int, places: Places | None
) -> Iterator[tuple[int, NewKind | None]]:
    """Stretches of newest images in the order in which they should be taken: the shortest with enough of a new kind.

    `places`: see `place_by_kinds`.
    A longer one only dilutes it, so it comes after. Where none holds enough, there is one: the one with most of it;
    with None where no cluster rose in any.
    """
    from data_checks.kinds.new_kind import find_new_kind

    size = min(FIRST_LOOK * wanted, len(sample))
    best: tuple[int, NewKind | None] = (len(sample), None)
    enough = False
    while True:
        latest = slice(len(sample) - size, None)
        lie = None if places is None else (places[0][latest], places[1])
        tell_step("looking", f"for a new kind among the newest {size:,} images")
        found = find_new_kind(sample.take(latest), reference, world.settings.new_kind, seed=SEED, places=lie)
        if found is not None and len(found.indices) >= wanted:
            enough = True
            yield size, found
        best = max(
            best, (size, found), key=lambda look: 0 if look[1] is None else look[1].purity * len(look[1].indices)
        )
        if size == len(sample):
            break
        size = min(2 * size, len(sample))
    if not enough:
        yield best
