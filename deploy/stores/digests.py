"""The digests of all accepted images, and of the images that a benchmark holds back.

A digest belongs for ever to the first owner that claimed it; an ingest that is killed and run again claims
with the same owner and gets the same answer.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Engine, select

from deploy.stores.database import insert_ignoring, reading, writing
from deploy.stores.faults import register
from deploy.stores.schema import benchmark_digests, image_digests

CLAIM = register("digests.claim", "the owners of new image digests, one transaction")
PROTECT = register("digests.protect", "the digests of a benchmark, one transaction")

_CHUNK = 5000  # SQLite allows 32,766 parameters in a statement


class DigestIndex:
    """Image digests (sha256 hex of the pixels) in the ledger database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, digests: Sequence[str], owners: Sequence[str]) -> list[bool]:
        """Tell where `owners[i]` (such as `segment:row`) holds `digests[i]`; of equal ones the first wins."""
        first: dict[str, str] = {}
        for digest, owner in zip(digests, owners, strict=True):
            first.setdefault(digest, owner)
        # everybody inserts in the same order, or two transactions wait for each other's rows
        values = [{"digest": digest, "owner": first[digest]} for digest in sorted(first)]
        holders: dict[str, str] = {}
        with CLAIM, writing(self._engine) as connection:
            if values and insert_ignoring(connection, image_digests, values):
                return [first[digest] == owner for digest, owner in zip(digests, owners, strict=True)]
            for chunk in _chunks(list(first)):
                found = select(image_digests).where(image_digests.c.digest.in_(chunk))
                holders.update((row.digest, row.owner) for row in connection.execute(found))
        return [holders[digest] == owner for digest, owner in zip(digests, owners, strict=True)]

    def owners(self, digests: Sequence[str]) -> dict[str, str]:
        """Who holds these digests already; a digest that nobody claimed is left out."""
        with reading(self._engine) as connection:
            return {
                row.digest: row.owner
                for chunk in _chunks(list(dict.fromkeys(digests)))
                for row in connection.execute(select(image_digests).where(image_digests.c.digest.in_(chunk)))
            }

    def protect(self, digests: Sequence[str], benchmark: str) -> None:
        """Mark images as belonging to a benchmark: they must never be trained on."""
        values = [{"digest": digest, "benchmark": benchmark} for digest in sorted(set(digests))]
        with PROTECT, writing(self._engine) as connection:
            if values:
                insert_ignoring(connection, benchmark_digests, values)

    def protected(self, digests: Sequence[str]) -> set[str]:
        """Those of the digests that some benchmark holds."""
        column = benchmark_digests.c.digest
        with reading(self._engine) as connection:
            return {
                digest
                for chunk in _chunks(list(dict.fromkeys(digests)))
                for digest in connection.execute(select(column).where(column.in_(chunk))).scalars()
            }


def _chunks(digests: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(digests), _CHUNK):
        yield digests[start : start + _CHUNK]
