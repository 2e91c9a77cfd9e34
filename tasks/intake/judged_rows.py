"""Judged images as rows of the catalogue and of quarantine, column by column: there may be many thousands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from tasks.intake.judging import Judged

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def catalogue_table(
    rows: Sequence[Judged], preprocessing: str, policy: str, vouched: Sequence[str] | None = None
) -> pa.Table:
    """Accepted rows; `preprocessing`, `policy`: digests. `vouched`: for each the reason of a person, where one has."""
    from deploy.stores.catalogue_rows import CATALOGUE_SCHEMA

    shapes = [each.shape or (0, 0, 0) for each in rows]
    of_all = {"preprocessing": preprocessing, "policy": policy}
    return _table(
        CATALOGUE_SCHEMA,
        rows,
        {
            "width": [shape[2] for shape in shapes],
            "height": [shape[1] for shape in shapes],
            "channels": [shape[0] for shape in shapes],
            "vouched": [""] * len(rows) if vouched is None else list(vouched),
            **{name: [value] * len(rows) for name, value in of_all.items()},
        },
    )


def quarantine_table(rows: Sequence[Judged], policy: str, decided_at: datetime) -> pa.Table:
    """First decisions on refused rows, with the beginning of the files that gave no pixels."""
    return decision_table(rows, policy, decided_at, dict.fromkeys((each.segment for each in rows), 0))


def decision_table(
    rows: Sequence[Judged], policy: str, decided_at: datetime, rounds: dict[str, int], vouched: str = ""
) -> pa.Table:
    """Decisions on rows: refused, or, where nothing refuses one, released; only a first one keeps bytes."""
    from deploy.stores.catalogue_rows import QUARANTINE_SCHEMA, RELEASED

    return _table(
        QUARANTINE_SCHEMA,
        rows,
        {
            "reason": [each.refusal or RELEASED for each in rows],
            "image": [b"" if rounds[each.segment] else each.head for each in rows],
            "policy": [policy] * len(rows),
            "round": [rounds[each.segment] for each in rows],
            "decided_at": [decided_at] * len(rows),
            "vouched": [vouched] * len(rows),
        },
    )


def suite_frame(rows: Sequence[Judged]) -> pd.DataFrame:
    """What the table suite looks at."""
    import pandas as pd

    from data_checks.table.suite import COLUMNS

    own = {
        name: list(map(attrgetter(name), rows))
        for name in ("digest", "source", "segment", "row", "mean", "variance", "entropy_bits")
    }
    shapes = [each.shape or (0, 0, 0) for each in rows]
    sizes = {name: [shape[place] for shape in shapes] for place, name in enumerate(("channels", "height", "width"))}
    return pd.DataFrame({**own, **sizes}, columns=list(COLUMNS))


def _table(schema: pa.Schema, rows: Sequence[Judged], columns: dict[str, list[Any]]) -> pa.Table:
    import pyarrow as pa

    own = {name: list(map(attrgetter(name), rows)) for name in schema.names if name not in columns}
    arrays = [pa.array({**own, **columns}[field.name], field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)
