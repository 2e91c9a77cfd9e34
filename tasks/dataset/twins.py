"""Twins of held-out images: re-encoded, resized or brightened copies, which no model may be trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deploy.wiring import World
from tasks.dataset.fingerprints import catalogue_fingerprints
from tasks.dataset.images import benchmark_digests, probing_digests
from tasks.run.progress import tell_step
from tasks.run.steps import finish_step, finished_step
from tasks.values import RetrainPlan, Twins, TwinsFound

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from data_checks.near_duplicates.fingerprint import Fingerprints

NAMED = 5  # that the card names


@dataclass(frozen=True, slots=True, eq=False)
class LookAlikes:
    """Which images of a version of the catalogue are copies of which.

    `rows` has digest, segment, row and name; prints: a fingerprint for each. `narrowed`: how alike copies are here.
    """

    version: int
    rows: pa.Table
    prints: Fingerprints
    narrowed: float

    @classmethod
    def of_catalogue(cls, world: World, version: int) -> LookAlikes:
        """Fingerprints that were not taken before are, and kept."""
        from data_checks.near_duplicates.limit import narrow_limits

        rows = world.catalogue.read(["digest", "segment", "row", "name"], version=version)
        prints = catalogue_fingerprints(world, rows, version)
        tell_step("copies", f"how alike two of {len(rows):,} images must be to be one")
        return cls(version, rows, prints, narrow_limits(prints))

    def places(self, digests: Iterable[str]) -> NDArray[np.int64]:
        """Rows, rising, of the images of these digests; the catalogue may have lost some."""
        import pyarrow as pa
        import pyarrow.compute as pc

        wanted = pa.array(sorted(digests), pa.string())
        return np.flatnonzero(pc.is_in(self.rows["digest"], value_set=wanted).to_numpy()).astype(np.int64)

    def originals(self, known: NDArray[np.int64], asked: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each row asked (M,) the known row that it is a copy of; -1 where it is of none."""
        from data_checks.near_duplicates.look_alikes import find_copies

        found = find_copies(self.prints.take(known), self.prints.take(asked), self.narrowed)
        copied = found >= 0
        found[copied] = known[found[copied]]
        return found

    def are_copies(self, asked: Sequence[str], known: Iterable[str]) -> NDArray[np.bool_]:
        """Which of the digests asked (M,) are of copies of the known ones, or are among them."""
        held, rows = self.places(known), self.places(asked)
        copies = rows[(self.originals(held, rows) >= 0) | np.isin(rows, held)]
        return np.isin(np.array(asked), self.rows["digest"].take(copies).to_pylist())

    def groups(self, digests: Sequence[str]) -> NDArray[np.int64]:
        """A number (M,) for each of these images, equal where they are copies, directly or by way of a third of them.

        ValueError for a digest that the catalogue does not have, or that comes twice.
        """
        from data_checks.near_duplicates.groups import Groups

        rows = self.places(digests)
        if len(rows) != len(digests):
            raise ValueError(f"expected {len(digests)} different images of the catalogue, came {len(rows)}")
        names = Groups(self.prints.take(rows), self.narrowed).of(np.arange(len(rows)))
        order = np.argsort(np.array(self.rows["digest"].take(rows).to_pylist()))
        at = np.searchsorted(np.sort(np.array(digests)), np.array(digests))
        found: NDArray[np.int64] = names[order[at]]
        return found


def find_twins(world: World, key: str, version: int, prefixes: Iterable[str]) -> TwinsFound:
    """Look through a version of the catalogue for copies of the images of these frozen sets; kept beside the run."""
    alike, prefixes = LookAlikes.of_catalogue(world, version), tuple(prefixes)
    held, probes = (
        alike.places({digest for prefix in prefixes for digest in digests_of(world.objects, prefix)})
        for digests_of in (benchmark_digests, probing_digests)
    )
    others = np.setdiff1d(np.arange(len(alike.rows)), held)
    tell_step("copies", f"of {len(probes):,} held-out images among {len(others):,} others")
    originals = alike.originals(probes, others)
    twins, copied = others[originals >= 0], originals[originals >= 0]
    digests = tuple(sorted(alike.rows["digest"].take(twins).to_pylist()))
    step = f"twins-{hashlib.sha256(' '.join(digests).encode()).hexdigest()[:16]}"
    finish_step(world.objects, key, step, Twins(digests=digests))
    return TwinsFound(n=len(twins), named=_name(alike.rows, twins, copied), step=step)


def twins_of(world: World, plan: RetrainPlan) -> tuple[str, ...]:
    """Digests of the copies that the plan found."""
    if plan.twins is None:
        return ()
    kept = finished_step(world.objects, plan.key, plan.twins.step, Twins)
    assert kept is not None, "kept before the plan was"
    return kept.digests


def _name(rows: pa.Table, twins: np.ndarray, originals: np.ndarray) -> tuple[str, ...]:
    """The first ones with the held-out image that each is a copy of."""
    names = rows["name"]
    pairs = zip(twins[:NAMED].tolist(), originals[:NAMED].tolist(), strict=True)
    return tuple(f"{names[twin].as_py()} of {names[original].as_py()}" for twin, original in pairs)
