"""Which image of the catalogue a refused one is equal to, by name: who is to mend one of both needs both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from deploy.stores.catalogue_rows import LABEL_DIFFERS
from latentloop.quarantine.state import Refused

if TYPE_CHECKING:
    from deploy.stores.catalogue import Catalogue

OF_TWO = frozenset({"duplicate", "leakage", LABEL_DIFFERS})
"""Reasons that are of a second image."""


def name_equals(rows: Sequence[Refused], catalogue: Catalogue) -> list[Refused]:
    """The rows, each with the name of its equal; one pass over two columns, of which no more is held than is shown."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = sorted({each.digest for each in rows if each.reason in OF_TWO and each.digest})
    if not wanted:
        return list(rows)
    names: dict[str, str] = {}
    for batch in catalogue.stream(["digest", "name"]):
        found = batch.filter(pc.is_in(batch["digest"], value_set=pa.array(wanted, pa.string())))
        names.update(zip(found["digest"].to_pylist(), found["name"].to_pylist(), strict=True))
    return [
        replace(each, equal_to=names.get(each.digest or "", "")) if each.reason in OF_TWO else each for each in rows
    ]
