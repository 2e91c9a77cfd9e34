"""Fingerprints of the catalogue's images: taken once, after they were ingested, and kept by digest."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from data_checks.near_duplicates import fingerprint
from data_checks.near_duplicates.fingerprint import Fingerprints, Looks
from deploy.wiring import World
from tasks.dataset.pixels import read_each
from tasks.run.progress import counting

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 4096  # images in memory
TOLD_EVERY = 512  # images


def catalogue_fingerprints(world: World, rows: pa.Table, version: int) -> Fingerprints:
    """Fingerprints of these rows, which have digest, segment and row and are in the order of the last two.

    Those that were not taken before are, from the pixels that are trained on, and kept for the next plan. Of two plans
    that take them at once the later one is kept: what is missing then is taken again.
    """
    kept, prints = _read_kept(world)
    digests = rows["digest"].to_pylist()
    fresh = np.flatnonzero([digest not in kept for digest in digests])
    if len(fresh):
        taken = _take(world, rows.take(fresh), version)
        prints = taken if prints is None else fingerprint.join([prints, taken])
        kept |= {digests[row]: len(kept) + place for place, row in enumerate(fresh)}
        _keep(world, list(kept), prints)
    if prints is None:
        return _take(world, rows, version)
    return prints.take(np.array([kept[digest] for digest in digests], dtype=np.int64))


def _take(world: World, rows: pa.Table, version: int) -> Fingerprints:
    """Decode and look, some thousands at a time."""
    tell = counting("fingerprints", "images, by which copies are found", len(rows))
    shape, blocks = world.settings.preprocessing.shape, list[Fingerprints]()
    order: list[int] = []
    pixels, places = np.empty((min(AT_ONCE, len(rows)), *shape), np.uint8), list[int]()
    for place, image in read_each(world.catalogue, version, rows, world.settings.preprocessing):
        pixels[len(places)] = image
        places.append(place)
        if (done := len(order) + len(places)) % TOLD_EVERY == 0:
            tell(done)
        if len(places) == len(pixels):
            blocks.append(fingerprint.take_fingerprints(pixels))
            order, places = order + places, []
    blocks.append(fingerprint.take_fingerprints(pixels[: len(places)]))
    tell(len(rows))
    return fingerprint.join(blocks).take(np.argsort(np.array(order + places, dtype=np.int64)))


def _key(world: World) -> str:
    return f"fingerprints/{fingerprint.NAME}-{world.settings.preprocessing.digest[:16]}.safetensors"


def _read_kept(world: World) -> tuple[dict[str, int], Fingerprints | None]:
    """The place of each digest, and the fingerprints; none before the first were taken."""
    from safetensors.numpy import load

    if world.objects.etag(_key(world)) is None:
        return {}, None
    found = load(world.objects.get(_key(world)).data)
    digests = found["digests"].tobytes().decode().split("\n")
    looks = [Looks(*(found[f"{name}.{each.name}"] for each in fields(Looks))) for name in ("plain", "bright")]
    side = min(world.settings.preprocessing.shape[1:])
    return {digest: place for place, digest in enumerate(digests)}, Fingerprints(looks[0], looks[1], side)


def _keep(world: World, digests: list[str], prints: Fingerprints) -> None:
    from safetensors.numpy import save

    content = {"digests": np.frombuffer("\n".join(digests).encode(), dtype=np.uint8)}
    for name, looks in (("plain", prints.plain), ("bright", prints.bright)):
        content |= {f"{name}.{each.name}": getattr(looks, each.name) for each in fields(Looks)}
    world.objects.put(_key(world), save(content))
