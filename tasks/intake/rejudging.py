"""Later decisions on what is in quarantine: by another policy, or by a person; each a numbered round of its segment.

A round is decided by its commit to quarantine, where each row that it is about gets a new decision, and is finished by
its commit to the catalogue, which takes in the rows that it released. Killed between the two, whoever comes next
finishes it before anything else is decided of the segment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from deploy.record.intake import INGEST, IngestCounts
from deploy.wiring import World
from tasks.intake.admitting import admit
from tasks.intake.judged_rows import catalogue_table, decision_table
from tasks.intake.judging import Judged, judge_in_batches, judge_segment
from tasks.intake.pending import policy_digest

if TYPE_CHECKING:
    import pyarrow as pa

    from deploy.stores.catalogue import Catalogue


def judge_again(
    world: World, rows: Mapping[str, Collection[int]], last: Mapping[str, int], catalogue: Catalogue, at_most: int
) -> Iterator[IngestCounts]:
    """Judge rows of these segments under today's policy; what of them came in, and what is refused still.

    `last`: number of each segment's newest round.
    """
    for batch, _ in judge_in_batches(world, sorted(rows), at_most, dict(rows)):
        judged = [row for each in batch for row in each.rows]
        held = admit(world, judged, [group for each in batch for group in each.others], world.digests)
        yield decide(world, judged, [each.segment for each in batch], last, catalogue, held)


def decide(
    world: World,
    judged: Sequence[Judged],
    segments: Sequence[str],
    last: Mapping[str, int],
    catalogue: Catalogue,
    held: str = "",
    vouched: str = "",
) -> IngestCounts:
    """Commit what was decided of these rows as the next round of their segments, and finish it.

    Where somebody else was faster, theirs counts. `vouched`: the reason of the person who decided.
    """
    rounds = {segment: last.get(segment, 0) + 1 for segment in segments}
    table = decision_table(judged, policy_digest(world), world.now(), rounds, vouched)
    mine = set(catalogue.append_quarantined(table, segments, rounds))
    finish_rounds(world, rounds, catalogue, {each.owner: each for each in judged})
    judged = [each for each in judged if each.segment in mine]
    reasons = Counter(each.refusal for each in judged if each.refusal is not None)
    converted = sum(1 for each in judged if each.refusal is None and each.conversions)
    return IngestCounts(
        segments=len(segments),
        received=len(judged),
        accepted=len(judged) - reasons.total() - converted,
        converted=converted,
        quarantined=reasons.total(),
        reasons=dict(reasons.most_common()),
        held=held,
        policy=policy_digest(world),
    )


def finish_rounds(
    world: World, rounds: Mapping[str, int], catalogue: Catalogue, judged: Mapping[str, Judged] | None = None
) -> None:
    """Take in what these rounds released, and say on record where their segments stand; again, nothing changes.

    `judged`: rows by their owner that need not be read again.
    """
    if not rounds:
        return
    decisions = catalogue.decisions(["vouched"])
    accepted = catalogue.read(["segment", "row", "conversions"], segments=rounds)
    for segment, number in sorted(rounds.items()):
        mine = _of_segment(decisions, segment)
        released = {
            row: vouched
            for row, reason, at, vouched in zip(
                *(mine[name].to_pylist() for name in ("row", "reason", "round", "vouched")), strict=True
            )
            if reason == "released" and at == number
        }
        rows = _pixels_of(world, segment, released, judged or {})
        _record(world, segment, number, mine, _of_segment(accepted, segment), rows, catalogue)
        table = catalogue_table(
            rows, world.settings.preprocessing.digest, policy_digest(world), [released[each.row] for each in rows]
        )
        # last, as at a first judging: then this round is not looked at again
        catalogue.append_accepted(table, [segment], {segment: number})


def _pixels_of(world: World, segment: str, rows: Collection[int], judged: Mapping[str, Judged]) -> list[Judged]:
    known = [judged.get(f"{segment}:{row}") for row in sorted(rows)]
    found = [each for each in known if each is not None and each.pixels is not None]
    if len(found) < len(rows):
        found = judge_segment(world, segment, rows).rows
    return [each for each in found if each.pixels is not None]


def _record(
    world: World,
    segment: str,
    number: int,
    decisions: pa.Table,
    accepted: pa.Table,
    released: Sequence[Judged],
    catalogue: Catalogue,
) -> None:
    """Where the whole segment stands after this round, as a ledger line of its own."""
    said = zip(accepted["row"].to_pylist(), accepted["conversions"].to_pylist(), strict=True)
    here = {row: bool(conversions) for row, conversions in said}
    here |= {each.row: bool(each.conversions) for each in released}
    reasons = Counter(
        reason
        for row, reason in zip(*(decisions[name].to_pylist() for name in ("row", "reason")), strict=True)
        if row not in here
    )
    converted = sum(here.values())
    counts = IngestCounts(
        segments=1,
        received=len(here) + reasons.total(),
        accepted=len(here) - converted,
        converted=converted,
        quarantined=reasons.total(),
        reasons=dict(reasons.most_common()),
        policy=policy_digest(world),
    )
    key = f"{INGEST.name}:{catalogue.name}:{segment}:{number}"
    INGEST.write(world.ledger, segment, counts, world.now(), key=key)


def _of_segment(rows: pa.Table, segment: str) -> pa.Table:
    import pyarrow.compute as pc

    return rows.filter(pc.equal(rows["segment"], segment))
