"""The traffic as the champion sees it, and the stretch of it that holds enough of a new kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tasks.context import settings
from tasks.device import training_device
from tasks.errors import NotEnoughData
from tasks.pixels import read_pixels

if TYPE_CHECKING:
    import pyarrow as pa

    from data_checks.new_kind import NewKind
    from data_checks.sample import Sample
    from vae_core.artifact import Artifact

FIRST_LOOK = 3  # times the wanted images: where a third of the traffic is new, the first look has enough
SEED = 0


def score_rows(rows: pa.Table, version: int, artifact: Artifact) -> Sample:
    """The champion's view of these images, in the form of its own reference."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import torch

    from data_checks.sample import Sample
    from vae_core.models.placement import model_on
    from vae_core.reference import measure_reference

    if not len(rows):
        raise NotEnoughData(
            "0 images were captured from traffic since the champion's data: expected some to find a new kind in; "
            "let it serve first"
        )
    device = training_device()
    torch.set_num_threads(settings().training.threads)
    catalogue, wanted = settings().open_catalogue(), rows["digest"].to_pylist()
    found = catalogue.read(["segment", "row", "digest"], version=version)
    found = found.filter(pc.is_in(found["digest"], value_set=pa.array(wanted, pa.string())))
    place = {digest: row for row, digest in enumerate(found["digest"].to_pylist())}
    decoded = read_pixels(catalogue, version, found, artifact.preprocessing)
    pixels = decoded[[place[digest] for digest in wanted]]
    return Sample.of(measure_reference(model_on(artifact.model, device), pixels, device=device))


def look_back(sample: Sample, reference: Sample, wanted: int) -> Iterator[tuple[int, NewKind | None]]:
    """Stretches of newest images in the order in which they should be taken: the shortest with enough of a new kind.

    A longer one only dilutes it, so it comes after. Where none holds enough, there is one: the one with most of it;
    with None where no cluster rose in any.
    """
    from data_checks.new_kind import find_new_kind

    size = min(FIRST_LOOK * wanted, len(sample))
    best: tuple[int, NewKind | None] = (len(sample), None)
    enough = False
    while True:
        newest = sample.take(slice(len(sample) - size, None))
        found = find_new_kind(newest, reference, settings().new_kind, seed=SEED)
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
