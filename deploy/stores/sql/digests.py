"""The digests of all accepted images, and of the images that a benchmark holds back.

A digest belongs for ever to the first owner that claimed it; an ingest that is killed and run again claims
with the same owner and gets the same answer.
"""

from collections.abc import Sequence

from sqlalchemy import Engine, select

from deploy.stores.faults import register
from deploy.stores.sql.database import insert_ignoring, reading, values_of, writing
from deploy.stores.sql.schema import benchmark_digests, image_digests

CLAIM = register("digests.claim", "the owners of new image digests, one transaction")
PROTECT = register("digests.protect", "the digests of a benchmark, one transaction")


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
        with CLAIM, writing(self._engine) as connection:
            if values and insert_ignoring(connection, image_digests, values):
                return [first[digest] == owner for digest, owner in zip(digests, owners, strict=True)]
            held = image_digests.c.digest.in_(values_of(connection, list(first)))
            holders = {row.digest: row.owner for row in connection.execute(select(image_digests).where(held))}
        return [holders[digest] == owner for digest, owner in zip(digests, owners, strict=True)]

    def owners(self, digests: Sequence[str]) -> dict[str, str]:
        """Who holds these digests already; a digest that nobody claimed is left out."""
        with reading(self._engine) as connection:
            held = image_digests.c.digest.in_(values_of(connection, digests))
            return {row.digest: row.owner for row in connection.execute(select(image_digests).where(held))}

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
            held = select(column).where(column.in_(values_of(connection, digests)))
            return set(connection.execute(held).scalars())
