"""Twins of held-out images: re-encoded, resized or brightened copies, which no model may be trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from tasks.context import objects, settings
from tasks.fingerprints import catalogue_fingerprints
from tasks.images import benchmark_digests, probing_digests
from tasks.steps import finish_step, finished_step
from tasks.values import RetrainPlan, Twins, TwinsFound

if TYPE_CHECKING:
    import pyarrow as pa

NAMED = 5  # that the card names


def find_twins(key: str, version: int, prefixes: Iterable[str]) -> TwinsFound:
    """Look through a version of the catalogue for copies of the images of these frozen sets; kept beside the run."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from data_checks.near_duplicates.limit import narrow_limits
    from data_checks.near_duplicates.look_alikes import find_copies

    prefixes = tuple(prefixes)
    rows = settings().open_catalogue().read(["digest", "segment", "row", "name"], version=version)
    prints = catalogue_fingerprints(rows, version)
    held, probes = (
        pc.is_in(rows["digest"], value_set=pa.array(sorted(each), pa.string())).to_numpy()
        for each in (
            {digest for prefix in prefixes for digest in benchmark_digests(objects(), prefix)},
            {digest for prefix in prefixes for digest in probing_digests(objects(), prefix)},
        )
    )
    others, known = np.flatnonzero(~held), np.flatnonzero(probes)
    original = find_copies(prints.take(known), prints.take(others), narrow_limits(prints))
    twins = others[original >= 0]
    digests = tuple(sorted(rows["digest"].take(twins).to_pylist()))
    step = f"twins-{hashlib.sha256(' '.join(digests).encode()).hexdigest()[:16]}"
    finish_step(objects(), key, step, Twins(digests=digests))
    return TwinsFound(n=len(twins), named=_name(rows, twins, known[original[original >= 0]]), step=step)


def twins_of(plan: RetrainPlan) -> tuple[str, ...]:
    """Digests of the copies that the plan found."""
    if plan.twins is None:
        return ()
    kept = finished_step(objects(), plan.key, plan.twins.step, Twins)
    assert kept is not None, "kept before the plan was"
    return kept.digests


def _name(rows: pa.Table, twins: np.ndarray, originals: np.ndarray) -> tuple[str, ...]:
    """The first ones with the held-out image that each is a copy of."""
    names = rows["name"]
    pairs = zip(twins[:NAMED].tolist(), originals[:NAMED].tolist(), strict=True)
    return tuple(f"{names[twin].as_py()} of {names[original].as_py()}" for twin, original in pairs)
