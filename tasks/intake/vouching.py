"""What a person decides about quarantine: let in on record, give up on record, or have all judged again now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from deploy.record.intake import QUARANTINE_DISCARDED, QUARANTINE_RELEASED, IngestCounts, Vouched
from deploy.record.kind import Kind
from deploy.wiring import World
from tasks.ingest import BATCH_BYTES, add_counts
from tasks.intake.admitting import claim, refuse_known
from tasks.intake.judging import Judged, judge_in_batches
from tasks.intake.pending import find_pending
from tasks.intake.rejudging import decide, finish_rounds, judge_again

if TYPE_CHECKING:
    from deploy.stores.catalogue import Catalogue
    from deploy.stores.sql.digests import DigestIndex

Rows = Mapping[str, Collection[int]]
"""Row numbers by segment."""


@dataclass(frozen=True, slots=True)
class Released:
    """How many images came in, and how many a person cannot let in, by reason."""

    accepted: int
    refused: dict[str, int] = field(default_factory=dict)


def rejudge_all(world: World) -> IngestCounts:
    """Judge everything in quarantine under today's settings, also what these very settings refused."""
    catalogue = world.catalogue
    pending = find_pending(world, catalogue, every=True)
    finish_rounds(world, pending.unfinished, catalogue)
    return add_counts(world, judge_again(world, pending.again, pending.last, catalogue, BATCH_BYTES))


def release_rows(world: World, rows: Rows, reason: str) -> Released:
    """Let these images in against the policy, for the reason that a person gives; what has no pixels stays.

    Nor does an image come in that a benchmark holds, or that is in the catalogue already.
    """
    catalogue, index = world.catalogue, world.digests
    last, rows = _settle(world, catalogue, rows)
    accepted, refused = 0, Counter[str]()
    for batch, unreadable in judge_in_batches(world, sorted(rows), BATCH_BYTES, dict(rows)):
        judged = [row for each in batch for row in each.rows]
        refused.update(each.refusal or "" for each in judged if each.pixels is None)
        refused.update({"unreadable segment": sum(len(rows[segment]) for segment in unreadable)})
        counts = _let_in(world, [each for each in judged if each.pixels is not None], last, catalogue, index, reason)
        accepted += counts.accepted + counts.converted
        refused.update(counts.reasons)
    released = Released(accepted, dict((+refused).most_common()))
    _note(world, QUARANTINE_RELEASED, reason, rows, accepted)
    return released


def discard_rows(world: World, rows: Rows, reason: str) -> int:
    """Give these images up: they are not judged again and not asked about. Their files stay in the captures."""
    from deploy.stores.catalogue_rows import DISCARDED

    catalogue = world.catalogue
    last, rows = _settle(world, catalogue, rows)
    given_up = 0
    for batch, _ in judge_in_batches(world, sorted(rows), BATCH_BYTES, dict(rows)):
        judged = [row for each in batch for row in each.rows]
        for each in judged:
            each.refusal, each.detail = DISCARDED, reason
        given_up += decide(world, judged, [each.segment for each in batch], last, catalogue).quarantined
    _note(world, QUARANTINE_DISCARDED, reason, rows, given_up)
    return given_up


def _let_in(
    world: World,
    judged: Sequence[Judged],
    last: Mapping[str, int],
    catalogue: Catalogue,
    index: DigestIndex,
    reason: str,
) -> IngestCounts:
    rows = [replace(each, refusal=None, detail=reason) for each in judged]
    refuse_known(rows, index)
    claim(rows, index)
    return decide(world, rows, sorted({each.segment for each in rows}), last, catalogue, vouched=reason)


def _settle(world: World, catalogue: Catalogue, rows: Rows) -> tuple[Mapping[str, int], Rows]:
    """The newest round of each segment, all of them finished; and those of the rows that are refused as of it."""
    from deploy.stores.catalogue_rows import ENDED

    pending = find_pending(world, catalogue)
    finish_rounds(world, pending.unfinished, catalogue)
    decided = catalogue.decisions()
    columns = (decided[name].to_pylist() for name in ("segment", "row", "reason", "round"))
    still = {
        (segment, row)
        for segment, row, reason, number in zip(*columns, strict=True)
        # somebody may have decided since: their round wins, ours will find its number taken
        if reason not in ENDED and number <= pending.last.get(segment, 0)
    }
    kept = {segment: [row for row in numbers if (segment, row) in still] for segment, numbers in rows.items()}
    return pending.last, {segment: numbers for segment, numbers in kept.items() if numbers}


def _note(world: World, kind: Kind[Vouched], reason: str, rows: Rows, images: int) -> None:

    said = Vouched(reason=f"{images:,} images: {reason}", images=images, segments=tuple(sorted(rows)))
    kind.write(world.ledger, world.settings.product, said, world.now())
