"""The frozen hold-outs: `benchmark_old`, cut once for ever, and a `benchmark_new` for each window of traffic."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from data_checks.least_images import FEWEST_TRAINING
from deploy.record.holdouts import BENCHMARK, BenchmarkSet
from deploy.wiring import World
from tasks.dataset.fingerprints import catalogue_fingerprints
from tasks.dataset.images import benchmark_digests, read_benchmark, write_benchmark
from tasks.dataset.pixels import read_pixels
from tasks.errors import NotEnoughData
from tasks.run.progress import tell_step
from tasks.values import WindowSelection

if TYPE_CHECKING:
    import pyarrow as pa

RECORDS = 100_000  # ledger lines of cut sets that are read: more than a retraining every minute for two months


def open_benchmark_old(world: World, version: int) -> BenchmarkSet:
    """The hold-out that stands, or a new one; of two planners that cut at once the first in the ledger wins.

    Images of another size or fit than those of the first one have a hold-out of their own: versions of both are never
    compared.

    NotEnoughData for a catalogue that is too small to hold any out: nothing is frozen of it.
    """
    if (benchmark := _standing(world)) is None:
        name = "old" if _record(world, "old") is None else _name_of_its_own(world)
        cut = _cut_old(world, version)
        BENCHMARK.write(world.ledger, name, cut, world.now(), key=f"{BENCHMARK.name}:{name}")
        benchmark = _record(world, name)
    assert benchmark is not None, "just recorded, by us or by whoever was faster"
    world.digests.protect(benchmark_digests(world.objects, benchmark.prefix), benchmark.prefix)
    return benchmark


def cut_benchmark_new(world: World, key: str, selection: WindowSelection) -> BenchmarkSet | None:
    """Freeze what was selected of the window; again with the same selection, nothing changes. None for no hold-out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not selection.holdout:
        return None
    version = selection.catalogue_version
    rows = world.catalogue.read(["segment", "row", "digest"], version=version)
    rows = rows.filter(pc.is_in(rows["digest"], value_set=pa.array(selection.holdout, pa.string())))
    new, spared = frozenset(selection.new_kind), frozenset(selection.of_cut_groups)
    told = f"{len(spared):,} of its images have too many copies to hold all of them out" if spared else ""
    cut = _freeze(world, "new", version, rows, key, selection.holdout_sources, new, told, spared)
    world.digests.protect(list(selection.holdout), cut.prefix)
    BENCHMARK.write(world.ledger, "new", cut, world.now(), key=f"{BENCHMARK.name}:new:{key}")
    return cut


def cut_sets(world: World) -> tuple[str, ...]:
    """Prefixes of all sets that were cut from traffic so far, sorted: their images are never trained on."""
    found = BENCHMARK.lines(world.ledger, "new", limit=RECORDS)
    return tuple(sorted({each.body.prefix for each in found}))


def _cut_old(world: World, version: int) -> BenchmarkSet:
    """Choose and freeze `benchmark_old`; NotEnoughData where too few images would be left to train on."""
    from data_checks.errors import SplitImpossible
    from data_checks.hold_out.whole_catalogue import Images, Wanted, choose_hold_out

    rows, evaluation = _rows_to_split(world, version), world.settings.evaluation
    tell_step("holding out", f"some of {len(rows):,} images, which are never trained on")
    wanted = Wanted(evaluation.holdout_min, evaluation.holdout_share, world.settings.product)
    images = Images(
        digests=rows["digest"].to_pylist(),
        sources=rows["source"].to_pylist(),
        captured_us=rows["captured_at"].cast("int64").to_numpy(),
        labels=rows["label"].to_pylist(),
        fingerprints=lambda: catalogue_fingerprints(world, rows, version),
    )
    try:
        chosen = choose_hold_out(images, wanted)
    except SplitImpossible as error:
        raise NotEnoughData(str(error)) from error
    # before the cut: a hold-out that is frozen stays, and its images can never be trained on
    require_enough(len(rows) - len(chosen.rows), len(chosen.rows))
    spared = frozenset(rows["digest"].take(chosen.of_cut_groups).to_pylist())
    held = rows.take(chosen.rows)
    return _freeze(world, "old", version, held, f"{version}", chosen.sources, cut=chosen.told, of_cut_groups=spared)


def require_enough(images: int, held_out: int) -> None:
    """NotEnoughData where so few images may be trained on."""
    if images < FEWEST_TRAINING:
        raise NotEnoughData(
            f"{images} images may be trained on (the hold-out keeps {held_out}): expected at least {FEWEST_TRAINING}; "
            "ingest more, or lower evaluation.holdout_share before the first training"
        )


def _rows_to_split(world: World, version: int) -> pa.Table:
    columns = ["segment", "row", "digest", "source", "captured_at", "label"]
    return world.catalogue.read(columns, version=version)


def _freeze(
    world: World,
    name: str,
    version: int,
    rows: pa.Table,
    salt: str,
    sources: tuple[str, ...],
    new_kind: frozenset[str] = frozenset(),
    cut: str = "",
    of_cut_groups: frozenset[str] = frozenset(),
) -> BenchmarkSet:
    """Shuffled once, so that the first n images are a fair sample of all."""
    preprocessing = world.settings.preprocessing
    pixels = read_pixels(world.catalogue, version, rows, preprocessing, f"images of benchmark_{name}")
    seed = int.from_bytes(hashlib.sha256(salt.encode()).digest()[:4], "big")
    order = np.random.default_rng(seed).permutation(len(rows))
    digests = rows["digest"].take(order).to_pylist()
    return write_benchmark(
        world.objects, name, pixels[order], digests, sources, preprocessing, new_kind, cut, of_cut_groups
    )


def _standing(world: World) -> BenchmarkSet | None:
    """The hold-out of the images that the settings make: images of another size or fit have one of their own."""
    first = _record(world, "old")
    return first if first is not None and _of_these_images(world, first) else _record(world, _name_of_its_own(world))


def _name_of_its_own(world: World) -> str:
    return f"old-{world.settings.preprocessing.digest[:12]}"


def _record(world: World, name: str) -> BenchmarkSet | None:

    found = BENCHMARK.newest(world.ledger, name)
    return found.body if found is not None else None


def _of_these_images(world: World, benchmark: BenchmarkSet) -> bool:
    wanted = world.settings.preprocessing
    if benchmark.preprocessing is None:  # frozen before the digest was kept
        return read_benchmark(world.objects, benchmark, 1).shape[1:] == wanted.shape
    return benchmark.preprocessing in wanted.same_images_digests
