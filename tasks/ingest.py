"""Ingestion: captured segments in, catalogue and quarantine out, each row exactly once.

Killed anywhere and run again, the end state is the same: a digest belongs to the row that claimed it first, each table
takes a judging of a segment once, and its ledger line has a unique key. The commit to quarantine decides, the commit to
the catalogue ends the work on a segment.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_checks.batch import HELD
from deploy.record.intake import (
    INGEST,
    INGEST_HELD,
    INGEST_UNREADABLE,
    BatchHeld,
    ColourCounts,
    IngestCounts,
    SegmentUnreadable,
)
from deploy.wiring import World
from tasks.intake.admitting import admit, batch_name
from tasks.intake.colours import compare_colours
from tasks.intake.judged_rows import catalogue_table, quarantine_table
from tasks.intake.judging import Judged, JudgedSegment, judge_in_batches
from tasks.intake.labelling import compare_labels, put_labels
from tasks.intake.pending import find_pending, policy_digest
from tasks.intake.rejudging import finish_rounds, judge_again
from tasks.run.progress import counting

if TYPE_CHECKING:
    from deploy.stores.catalogue import Catalogue

SEGMENTS_AT_ONCE = 16  # a task of Prefect's each
BATCH_BYTES = 20 * 2**20  # of judged images that wait for their commit


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=2)
def find_new_segments(world: World, at_once: int = SEGMENTS_AT_ONCE) -> list[list[str]]:
    """Keys of the segments that wait for a judging, in order, in chunks of one task each."""
    pending = find_pending(world, world.catalogue).segments
    return [pending[start : start + at_once] for start in range(0, len(pending), at_once)]


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=2)
def ingest_segments(
    world: World, segments: Sequence[str], among: Sequence[Sequence[str]] = (), batch_bytes: int = BATCH_BYTES
) -> IngestCounts:
    """Judge what waits in these segments; accepted rows to the catalogue, refused ones to quarantine.

    `among`: the chunks of this run, of which this is one, for who watches it. `batch_bytes`: of judged images that
    wait for their commit; one segment more than that at most.
    """
    catalogue, wanted = world.catalogue, set(segments)
    pending = find_pending(world, catalogue)
    again = {segment: rows for segment, rows in pending.again.items() if segment in wanted}
    unfinished = {segment: number for segment, number in pending.unfinished.items() if segment in wanted}
    before, total = _count_before(segments, among or [segments])
    tell = counting("ingesting", "segments", total)
    tell(before)
    with _what_is_loaded_kept():
        counts = []
        for batch, unreadable in judge_in_batches(world, [each for each in pending.new if each in wanted], batch_bytes):
            counts.append(ingest_batch(world, batch, unreadable, catalogue))
            tell(before := before + len(batch) + len(unreadable))
        finish_rounds(world, unfinished, catalogue)
        return add_counts(world, [*counts, *judge_again(world, again, pending.last, catalogue, batch_bytes)])


def _count_before(chunk: Sequence[str], chunks: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Segments of the chunks before this one, and of all."""
    sizes = [len(each) for each in chunks]
    return sum(sizes[: [*map(list, chunks)].index(list(chunk))]), sum(sizes)


@task(cache_policy=NO_CACHE)
def report_ingest(world: World, chunks: Sequence[IngestCounts]) -> IngestCounts:
    """The sum over all chunks, as a table in Prefect's UI."""
    from prefect.artifacts import create_table_artifact

    total = add_counts(world, chunks).model_copy(update={"catalogue_version": world.catalogue.version()})
    if total.received:
        table = [{"what": "accepted", "images": total.accepted}, {"what": "converted", "images": total.converted}]
        table += [{"what": f"quarantined: {reason}", "images": count} for reason, count in total.reasons.items()]
        create_table_artifact(
            table, key="ingest", description=total.held or "accepted + converted + quarantined = received"
        )
    return total


def ingest_batch(
    world: World, batch: Sequence[JudgedSegment], unreadable: dict[str, str], catalogue: Catalogue
) -> IngestCounts:
    """Decide on segments that were judged for the first time, and commit them together."""
    ledger, policy = world.ledger, policy_digest(world)
    for segment, problem in unreadable.items():
        said = SegmentUnreadable(reason=problem)
        INGEST_UNREADABLE.write(ledger, segment, said, world.now(), key=f"{INGEST_UNREADABLE.name}:{segment}")
    if not batch:
        return IngestCounts(policy=policy)
    segments, rows = [each.segment for each in batch], [row for each in batch for row in each.rows]
    index = world.digests
    held = admit(world, rows, (), index)
    compare_labels(rows, catalogue, index)
    refused = [each for each in rows if each.refusal]
    fresh = catalogue.append_quarantined(quarantine_table(refused, policy, world.now()), segments)
    _abide_by_quarantine(rows, set(segments) - set(fresh), catalogue)
    colours = compare_colours(world, batch)
    for each in batch:
        about = {"segments": 1, "colours": colours.get(each.segment, ColourCounts())}
        counts = count_rows(world, each.rows, held).model_copy(update=about)
        key = f"{INGEST.name}:{catalogue.name}:{each.segment}"
        INGEST.write(ledger, each.segment, counts, world.now(), key=key)
    if held:
        waiting = BatchHeld(reason=held, segments=tuple(sorted({each.segment for each in rows if _is_held(each)})))
        key = f"{INGEST_HELD.name}:{catalogue.name}:{batch_name(segments)}"
        INGEST_HELD.write(ledger, segments[0], waiting, world.now(), key=key)
    put_labels(rows, catalogue, index)
    # last: a segment in both tables is not looked at again, so its ledger lines must be there by then
    accepted = catalogue_table([each for each in rows if not each.refusal], world.settings.preprocessing.digest, policy)
    catalogue.append_accepted(accepted, segments)
    return count_rows(world, rows, held).model_copy(update={"segments": len(segments)})


def count_rows(world: World, rows: Sequence[Judged], held: str) -> IngestCounts:
    """What became of rows; `held` where some of them are."""
    reasons = Counter(each.refusal for each in rows if each.refusal is not None)
    converted = sum(1 for each in rows if each.refusal is None and each.conversions)
    return IngestCounts(
        received=len(rows),
        accepted=len(rows) - reasons.total() - converted,
        converted=converted,
        quarantined=reasons.total(),
        reasons=dict(reasons.most_common()),
        held=held if any(_is_held(each) for each in rows) else "",
        policy=policy_digest(world),
    )


def add_counts(world: World, several: Iterable[IngestCounts]) -> IngestCounts:
    """The sum of several counts."""
    each = list(several)
    reasons: Counter[str] = Counter()
    for counts in each:
        reasons.update(counts.reasons)
    return IngestCounts(
        segments=sum(counts.segments for counts in each),
        received=sum(counts.received for counts in each),
        accepted=sum(counts.accepted for counts in each),
        converted=sum(counts.converted for counts in each),
        quarantined=sum(counts.quarantined for counts in each),
        reasons=dict(reasons.most_common()),
        held="; ".join(dict.fromkeys(counts.held for counts in each if counts.held)),
        policy=policy_digest(world),
        colours=ColourCounts.sum(counts.colours for counts in each),
    )


@contextmanager
def _what_is_loaded_kept() -> Iterator[None]:
    """Keep the garbage collector to what is made in this block.

    Thousands of rows make it look at everything, and a process with these libraries has a million objects: 0.4 s.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _is_held(row: Judged) -> bool:
    return row.refusal == HELD


def _abide_by_quarantine(rows: Sequence[Judged], settled: set[str], catalogue: Catalogue) -> None:
    """The commit to quarantine decides a segment: whoever finds it made accepts exactly the rows that are not in it.

    It was made before a kill, or by a faster ingest, perhaps beside other segments, so that another share of the batch
    was refused or another row was the duplicate.
    """
    if not settled:
        return
    table = catalogue.read(["segment", "row", "reason", "detail", "round"], table="quarantine")
    refused = {
        (row["segment"], row["row"]): (row["reason"], row["detail"]) for row in table.to_pylist() if not row["round"]
    }
    for each in rows:
        if each.segment in settled:
            each.refusal, each.detail = refused.get((each.segment, each.row), (None, ""))
