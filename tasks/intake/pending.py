"""Which captured segments an ingest has to look at: new ones, and those of which something was decided otherwise.

A decision is bound to the digest of the policy that made it: what another policy refused is judged again, and what it
accepted stays accepted. What is in the catalogue already, or in a benchmark, is so under every policy.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.wiring import World

if TYPE_CHECKING:
    import pyarrow as pa

    from deploy.stores.catalogue import Catalogue

SETTLED = ("duplicate", "leakage", "released", "discarded", "labelled", "label_differs")


@dataclass(frozen=True, slots=True)
class Pending:
    """Segments in their order: `new` ones, `unfinished` judgings by their number, rows that are to be judged `again`.

    `last`: number of the newest judging of each segment that has decisions.
    """

    new: list[str]
    unfinished: dict[str, int]
    again: dict[str, list[int]]
    last: dict[str, int]

    @property
    def segments(self) -> list[str]:
        """All of them, sorted."""
        return sorted({*self.new, *self.unfinished, *self.again})


def policy_digest(world: World) -> str:
    """Names what decides today."""
    from data_checks.batch import decision_digest

    return decision_digest(world.settings.input_policy, world.settings.preprocessing)


def find_pending(world: World, catalogue: Catalogue, *, every: bool = False) -> Pending:
    """What is to be done under today's policy; `every`: also what this very policy refused is judged again."""
    from deploy.stores.objects.captures import CaptureStore

    segments = CaptureStore(world.objects).segments()
    done = catalogue.committed_segments("catalogue", segments) & catalogue.committed_segments("quarantine", segments)
    decisions = catalogue.decisions()
    last = _newest_rounds(decisions, done)
    later = {segment: number for segment, number in last.items() if number}
    finished = catalogue.committed_rounds("catalogue", later)
    return Pending(
        new=sorted(set(segments) - done),
        unfinished={segment: number for segment, number in later.items() if segment not in finished},
        again=_open_rows(decisions, done, "" if every else policy_digest(world)),
        last=last,
    )


def _newest_rounds(decisions: pa.Table, done: set[str]) -> dict[str, int]:
    found = decisions.group_by("segment").aggregate([("round", "max")])
    pairs = zip(found["segment"].to_pylist(), found["round_max"].to_pylist(), strict=True)
    return {segment: number for segment, number in pairs if segment in done}


def _open_rows(decisions: pa.Table, done: set[str], settled_by: str) -> dict[str, list[int]]:
    """Rows that are refused by another policy than this one, by segment."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_open = pc.invert(pc.is_in(decisions["reason"], value_set=pa.array(SETTLED, pa.string())))
    rows = decisions.filter(pc.and_(is_open, pc.not_equal(decisions["policy"], settled_by)))
    found: dict[str, list[int]] = defaultdict(list)
    for segment, row in zip(rows["segment"].to_pylist(), rows["row"].to_pylist(), strict=True):
        if segment in done:
            found[segment].append(row)
    return dict(found)
